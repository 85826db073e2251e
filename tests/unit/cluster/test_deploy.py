"""What a running server is told when a file or an alias changes: nothing of what stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sonant.cluster.deploy import Running, _differs, hold, pinned, succeeding, told
from sonant.cluster.rollout import followers
from sonant.config.load import check
from sonant.config.serve import Application, ServeFile
from sonant.errors import ConfigError
from sonant.export.bundle import publish, seal
from sonant.export.store import promote, rollback
from sonant.runtime.bundle import open_bundle
from sonant.runtime.refs import Named

pytest.importorskip("ray")


@pytest.fixture(scope="module")
def second(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    bundle = open_bundle(tiny_bundle)
    contents = {name: bundle.read(name) for name in bundle.info.files}
    info = bundle.info.model_copy(update={"version": "second"})
    return publish(seal(info, contents), str(tmp_path_factory.mktemp("second") / "bundle"))


@pytest.fixture
def store(tiny_bundle: Path, tmp_path: Path) -> str:
    store = str(tmp_path / "store")
    promote(str(tiny_bundle), "champion", store)
    return store


def application(kind: str = "classify", name: str = "words", **args: Any) -> Application:
    one = {"name": name, "route_prefix": f"/{name}", "import_path": f"serve_apps.{kind}:build", "args": args}
    if kind == "tensors":
        one["route_prefix"] = "/v2"
    file: ServeFile = check(ServeFile, {"applications": [one]})
    return file.applications[0]


def deployed(*applications: Application) -> Running:
    """What Serve says of them, which adds keys of its own."""
    return {app.name: {**told(app), "logging_config": {"log_level": "WARNING"}} for app in applications}


def test_an_alias_is_held_at_what_it_means(store: str, tiny_bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    version = open_bundle(tiny_bundle).info.version
    assert hold(f"{store}/tiny@champion") == f"{store}/tiny@champion={version}"
    assert hold(f"{store}/tiny@champion={version}") == f"{store}/tiny@champion={version}"
    assert hold(f"{store}/tiny@{version}") == f"{store}/tiny@{version}"
    assert hold(str(tiny_bundle)) == str(tiny_bundle)
    assert caplog.text == ""
    assert hold("elsewhere/tiny@champion") == "elsewhere/tiny@champion"
    assert "not seen from here" in caplog.text


def test_a_folder_is_named_from_the_root(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(store).parent)
    assert hold("store/tiny@champion").startswith(f"{store}/tiny@champion=")


def test_only_a_moved_alias_is_a_change(store: str, second: str) -> None:
    app = application(bundle=f"{store}/tiny@champion")
    [before] = deployed(pinned(app)).values()
    assert not _differs(told(pinned(app)), before)
    promote(second, "champion", store)
    assert _differs(told(pinned(app)), before)
    rollback(store, "tiny", "champion")
    assert not _differs(told(pinned(app)), before)
    assert _differs(told(pinned(app)), None)


def test_those_that_name_the_alias_follow_and_no_other(store: str, second: str, tiny_bundle: Path) -> None:
    version = open_bundle(tiny_bundle).info.version
    promote(second, "canary", store)
    trial = {"bundle": f"{store}/tiny@canary", "share": 0.1}
    before = deployed(
        pinned(application(bundle=f"{store}/tiny@champion", sessions={"url": "kept"})),
        pinned(application(name="plain", bundle=str(tiny_bundle))),
        pinned(application(name="fixed", bundle=f"{store}/tiny@{version}")),
        pinned(application(name="trial", bundle=f"{store}/tiny@{version}", canary=trial)),
        pinned(application("tensors", "tensors", models={"a": f"{store}/tiny@champion", "b": str(tiny_bundle)})),
    )
    before["foreign"] = {"name": "foreign", "import_path": "their.code:app", "route_prefix": "/theirs"}
    after = {one["name"]: one for one in followers(before, Named(store, "tiny", "champion", "second"))}
    assert set(after) == {"words", "tensors"}
    assert after["words"]["args"]["bundle"] == f"{store}/tiny@champion=second"
    assert after["words"]["args"]["earlier"] == [f"{store}/tiny@{version}"]
    assert after["words"]["logging_config"] == {"log_level": "WARNING"}
    assert after["tensors"]["args"]["models"] == {"a": f"{store}/tiny@champion=second", "b": str(tiny_bundle)}
    [back] = [one for one in followers(after, Named(store, "tiny", "champion", version)) if one["name"] == "words"]
    assert back["args"]["earlier"] == [f"{store}/tiny@second"], "sessions that began since then go on, too"
    [moved] = followers(before, Named(store, "tiny", "canary", version))
    assert moved["args"]["canary"]["bundle"] == f"{store}/tiny@canary={version}"
    assert moved["args"]["earlier"] == [f"{store}/tiny@second"]
    assert followers(before, Named(store, "tiny", "nobody", "second")) == []
    assert followers(before, Named(f"{store}2", "tiny", "champion", "second")) == []


def test_sessions_of_all_that_was_served_are_thought_of(store: str, second: str, tiny_bundle: Path) -> None:
    version = open_bundle(tiny_bundle).info.version
    promote(second, "canary", store)
    old = pinned(application(bundle=f"{store}/tiny@champion", canary={"bundle": f"{store}/tiny@canary"}))
    [before] = deployed(old).values()
    assert succeeding(old, before) == old, "nothing has changed"
    promote(second, "champion", store)
    new = succeeding(pinned(application(bundle=f"{store}/tiny@champion")), before)
    assert new.args.earlier == (f"{store}/tiny@{version}",)
    [later] = deployed(new).values()
    back = succeeding(pinned(application(bundle=f"{store}/tiny@{version}")), later)
    assert back.args.earlier == (f"{store}/tiny@second",)
    assert succeeding(new, None) == new


def test_a_name_with_nonsense_is_refused() -> None:
    with pytest.raises(ConfigError, match="earlier"):
        application(bundle="b", earlier=["x"] * 9)
