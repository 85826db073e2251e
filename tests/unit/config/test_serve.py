"""Serve files: what we allow is a part of Ray Serve's own format, and agrees with itself."""

from __future__ import annotations

from typing import Any

import pytest

from sonant.config.load import check, load, tree
from sonant.config.serve import ClassifyApp, HomeApplication, ServeFile
from sonant.errors import ConfigError


def application(name: str = "words", route: str = "/words", **args: Any) -> dict[str, Any]:
    path = "serve_apps.classify:build"
    return {"name": name, "route_prefix": route, "import_path": path, "args": {"bundle": "b", **args}}


def home(**applications: str) -> dict[str, Any]:
    return {"name": "home", "import_path": "serve_apps.home:build", "args": {"applications": applications}}


def test_the_shipped_file_serves_the_demo() -> None:
    file: ServeFile = load(ServeFile, "serve/kws")
    assert {app.route_prefix for app in file.applications} == {"/v1/audio/classifications", "/"}
    assert file.http_options.host == "127.0.0.1"
    [front] = [app for app in file.applications if isinstance(app, HomeApplication)]
    assert front.args.applications == {"classify": "/v1/audio/classifications"}


WRONG: dict[str, tuple[list[dict[str, Any]], str]] = {
    "code": ([{**application(), "import_path": "os:system"}], "import_path"),
    "runtime_env": ([{**application(), "runtime_env": {"pip": ["x"]}}], "runtime_env"),
    "none": ([], "applications"),
    "same name": ([application(), application(route="/other")], "two applications have the name"),
    "same route": ([application(), application(name="other")], "two applications have the route_prefix"),
    "route": ([application(route="words")], "route_prefix"),
    "traversal": ([application(route="/a/../b")], "route_prefix"),
    "unlisted": ([application(), home(other="/words")], "no such application"),
    "other route": ([application(), home(words="/elsewhere")], "no such application"),
    "home elsewhere": ([{**home(), "route_prefix": "/home"}], "route_prefix"),
    "both ways to scale": (
        [application(ingress={"num_replicas": 2, "autoscaling_config": {"max_replicas": 3}})],
        "not both",
    ),
    "emotion of a detector": (
        [{**application(answer="emotion"), "import_path": "serve_apps.detect:build"}],
        r"args\.answer",
    ),
    "share of more than all": ([application(canary={"bundle": "c", "share": 1.5})], r"canary\.share"),
    "another way to choose": ([application(canary={"bundle": "c", "by": "moon"})], r"canary\.by"),
    "canary of a split": ([application(canary={"bundle": "c"}, placement="split")], "placement: fused"),
    "shadow of a split": ([application(shadow={"bundle": "c"}, placement="split")], "placement: fused"),
    "shadow without room": ([application(shadow={"bundle": "c", "max_waiting": 0})], r"shadow\.max_waiting"),
    "rule above all": ([application(shadow={"bundle": "c", "rule": {"agreement": 2}})], r"rule\.agreement"),
    "canary of an embedder": (
        [{**application(canary={"bundle": "c"}), "import_path": "serve_apps.embed:build"}],
        r"args\.canary",
    ),
    "canary with enrolled voices": (
        [{**application(canary={"bundle": "c"}, speakers="s"), "import_path": "serve_apps.extract:build"}],
        "speakers: null",
    ),
    "serve limit below ours": ([application(ingress={"max_ongoing_requests": 256})], "max_sessions"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_served_is_told(case: str) -> None:
    applications, part = WRONG[case]
    with pytest.raises(ConfigError, match=part):
        check(ServeFile, {"applications": applications})


def test_limits_stay_below_those_of_serve_by_default() -> None:
    app = ClassifyApp(bundle="b")
    assert app.limits.max_sessions < app.ingress.max_ongoing_requests


def test_keys_of_the_file_are_those_of_every_application() -> None:
    file: ServeFile = load(ServeFile, "serve/speakers", ["keys=/etc/keys.json"])
    assert {app.args.keys for app in file.applications} == {"/etc/keys.json"}
    again = check(ServeFile, file.model_dump(mode="json"))
    assert again == file
    bare: ServeFile = load(ServeFile, "serve/speakers")
    assert {app.args.keys for app in bare.applications} == {None}


def test_no_application_has_other_keys_than_the_rest() -> None:
    data = tree("serve/kws")
    data["applications"][0]["args"]["keys"] = "mine.json"
    with pytest.raises(ConfigError, match="different keys"):
        check(ServeFile, data)
    with pytest.raises(ConfigError, match="different keys"):
        check(ServeFile, {**data, "keys": "others.json"})
