from pathlib import Path

import pytest

from sonant.cluster.code import runtime_env


def test_a_checkout_is_sent_without_what_is_big(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "platform" / "sonant").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    sent = runtime_env()
    assert sent == runtime_env(tmp_path)
    assert sent["working_dir"] == str(tmp_path)
    assert sent["py_modules"] == [str(tmp_path / "platform" / "sonant")]
    assert {"/.git", "/.venv*", "/data", "/runs", "/store", "/wandb"} <= set(sent["excludes"])


def test_elsewhere_the_image_has_the_code(tmp_path: Path) -> None:
    assert runtime_env(tmp_path) == {}
