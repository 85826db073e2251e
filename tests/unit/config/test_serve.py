"""Serve files: what we allow is a part of Ray Serve's own format, and agrees with itself."""

from __future__ import annotations

from typing import Any

import pytest

from sonant.config.load import check, load, tree
from sonant.config.replica import StageOptions
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


LIVE: dict[str, Any] = {"kind": "live", "max_replicas": 4}

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
        "set num_replicas or autoscaling_config, not both",
    ),
    "scaled in two ways": (
        [application(ingress={"autoscaling": LIVE, "autoscaling_config": {"max_replicas": 3}})],
        "set autoscaling or autoscaling_config, not both",
    ),
    "no kind": ([application(ingress={"autoscaling": {"max_replicas": 3}})], "live, requests"),
    "unknown kind": ([application(ingress={"autoscaling": {"kind": "magic", "max_replicas": 3}})], "live"),
    "code as a policy": (
        [application(ingress={"autoscaling_config": {"policy": {"policy_function": "os:system"}}})],
        "autoscaling_config",
    ),
    "no upper bound": ([application(ingress={"autoscaling": {"kind": "live"}})], "max_replicas"),
    "bounds": ([application(ingress={"autoscaling": {**LIVE, "min_replicas": 5}})], "must not be below min_replicas"),
    "all free": ([application(ingress={"autoscaling": {**LIVE, "free_slots": 1}})], "free_slots"),
    "none may be late": ([application(ingress={"autoscaling": {**LIVE, "late_share": 0}})], "late_share"),
    "sessions of a model": ([application(model={"autoscaling": LIVE})], "no live sessions here"),
    "sessions of an answer": ([application(postprocess={"autoscaling": LIVE})], "no live sessions here"),
    "sessions of tensors": (
        [
            {
                **application(),
                "import_path": "serve_apps.tensors:build",
                "route_prefix": "/v2",
                "args": {"models": {"m": "b"}, "ingress": {"autoscaling": LIVE}},
            }
        ],
        "no live sessions here",
    ),
    "emotion of a detector": (
        [{**application(answer="emotion"), "import_path": "serve_apps.detect:build"}],
        r"args\.answer",
    ),
    "serve limit below ours": ([application(ingress={"max_ongoing_requests": 384})], "max_sessions"),
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
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_served_is_told(case: str) -> None:
    applications, part = WRONG[case]
    with pytest.raises(ConfigError, match=part):
        check(ServeFile, {"applications": applications})


def test_limits_stay_below_those_of_serve_by_default() -> None:
    app = ClassifyApp(bundle="b")
    assert app.limits.max_sessions + app.limits.max_requests < app.ingress.max_ongoing_requests


def test_the_fewest_replicas_are_known_beforehand() -> None:
    assert StageOptions().least_replicas == 1
    assert StageOptions(num_replicas=3).least_replicas == 3
    assert StageOptions(num_replicas="auto").least_replicas == 1
    assert StageOptions(autoscaling_config={"min_replicas": 2, "max_replicas": 4}).least_replicas == 2
    assert check(StageOptions, {"autoscaling": {**LIVE, "min_replicas": 0}}).least_replicas == 0


def test_keys_of_the_file_are_those_of_every_application() -> None:
    file: ServeFile = load(ServeFile, "serve/speakers", ["keys=/etc/keys.json"])
    assert {app.args.keys for app in file.applications} == {"/etc/keys.json"}
    again = check(ServeFile, file.model_dump(mode="json"))
    assert again == file
    bare: ServeFile = load(ServeFile, "serve/speakers")
    assert {app.args.keys for app in bare.applications} == {None}


def test_tracing_of_the_file_is_that_of_applications_that_say_nothing_else() -> None:
    data = {
        "applications": [application(tracing={"endpoint": "http://own:4318"}), application("more", "/more"), home()]
    }
    shared = {"endpoint": "http://all:4318/v1/traces", "share": 0.1}
    file: ServeFile = check(ServeFile, {**data, "tracing": shared})
    told = [app.args.tracing.endpoint for app in file.applications if app.args.tracing is not None]
    assert told == ["http://own:4318", "http://all:4318/v1/traces", "http://all:4318/v1/traces"]
    assert check(ServeFile, data).applications[1].args.tracing is None


@pytest.mark.parametrize(
    "key", ["encoding=XML", "log_level=LOUD", "log_level=info", "colour=red", "enable_access_log=2"]
)
def test_logging_takes_what_serve_takes_and_says_so(key: str) -> None:
    with pytest.raises(ConfigError, match=f"logging_config.{key.partition('=')[0]}"):
        load(ServeFile, "serve/kws", [f"logging_config.{key}"])


def test_logging_is_as_serve_wants_it() -> None:
    schema = pytest.importorskip("ray.serve.schema")
    file: ServeFile = load(ServeFile, "serve/kws")
    taken = schema.LoggingConfig.model_validate(file.logging_config.model_dump())
    assert (taken.encoding, taken.log_level, taken.enable_access_log) == ("JSON", "INFO", False)


def test_no_application_has_other_keys_than_the_rest() -> None:
    data = tree("serve/kws")
    data["applications"][0]["args"]["keys"] = "mine.json"
    with pytest.raises(ConfigError, match="different keys"):
        check(ServeFile, data)
    with pytest.raises(ConfigError, match="different keys"):
        check(ServeFile, {**data, "keys": "others.json"})
