"""Files of a run, wherever it is."""

import errno
import os
from pathlib import Path

import pytest

from sonant.errors import EnvError
from sonant.track import files


@pytest.fixture(params=["disk", "file_url", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {"disk": str(tmp_path), "file_url": f"file://{tmp_path}", "memory": f"memory://{tmp_path.name}"}[
        request.param
    ]


def test_what_is_written_is_read(folder: str) -> None:
    path = files.join(folder, "a", "b.json")
    assert not files.exists(path)
    files.write_json(path, {"x": [1, "\u00e9"]})
    assert files.exists(path)
    assert files.read_json(path) == {"x": [1, "\u00e9"]}
    files.write_bytes(path, b"2")
    assert files.read_bytes(path) == b"2"
    files.make_folder(files.join(folder, "c"))
    files.make_folder(files.join(folder, "c"))


def test_paths_hold_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert files.absolute("runs/x") == str(tmp_path / "runs" / "x")
    assert files.absolute("~/runs") == "/home/me/runs"
    assert files.absolute("s3://bucket/runs") == "s3://bucket/runs"
    assert files.join("s3://bucket/runs/", "a", "b") == "s3://bucket/runs/a/b"
    assert files.on_disk("file:///x/y") == files.on_disk("/x/y") == "/x/y"
    assert files.on_disk("memory://x/y") is None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "x"
    files.write_bytes(str(path), b"old")

    def full(*_args: object) -> None:
        raise OSError(code, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(EnvError, match="no space left to write") as caught:
            files.write_bytes(str(path), b"new")
    assert caught.value.code == "env.disk_full"
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("x", b"old")]


def test_other_faults_stay_themselves(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.read_bytes(str(tmp_path / "none"))
    with pytest.raises(PermissionError), files.disk_full("x"):
        raise PermissionError
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(str(tmp_path / "x"), float("nan"))
