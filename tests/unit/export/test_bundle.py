"""A bundle is written whole or not at all, and never over another."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from sonant.errors import BundleError, EnvError
from sonant.export.bundle import publish
from sonant.runtime.bundle import open_bundle


@pytest.fixture
def sealed(tiny_bundle: Path) -> dict[str, bytes]:
    names = sorted(path.name for path in tiny_bundle.iterdir())
    order = [name for name in names if name != "bundle.json"] + ["bundle.json"]
    return {name: (tiny_bundle / name).read_bytes() for name in order}


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("SONANT_CACHE", str(tmp_path / "cache"))
    name = f"/bucket-{uuid.uuid4().hex}"
    yield f"memory:/{name}"
    found = fsspec.filesystem("memory")
    if found.exists(name):
        found.rm(name, recursive=True)


def test_a_bundle_is_never_written_over(sealed: dict[str, bytes], tmp_path: Path) -> None:
    publish(sealed, str(tmp_path / "bundle"))
    with pytest.raises(BundleError, match="exists already"):
        publish(sealed, str(tmp_path / "bundle"))
    assert open_bundle(tmp_path / "bundle")


def test_what_does_not_verify_is_not_published(sealed: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        publish(sealed | {"model.onnx": b"other"}, str(tmp_path / "bundle"))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing_behind(
    sealed: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvError) as caught:
        publish(sealed, str(tmp_path / "deep" / "bundle"))
    assert caught.value.code == "env.disk_full"
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_bucket_gets_bundle_json_last(sealed: dict[str, bytes], bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    pipe = MemoryFileSystem.pipe_file

    def spy(self: MemoryFileSystem, path: str, value: bytes, **options: Any) -> None:
        written.append(path.rpartition("/")[2])
        pipe(self, path, value, **options)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", spy)
    publish(sealed, f"{bucket}/bundle")
    assert written[-1] == "bundle.json"
    assert set(written) == set(sealed)
    assert open_bundle(f"{bucket}/bundle").info.name == "tiny"


def test_a_bucket_that_breaks_off_is_cleared(
    sealed: dict[str, bytes], bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = MemoryFileSystem.pipe_file

    def breaks(self: MemoryFileSystem, path: str, value: bytes, **options: Any) -> None:
        if path.endswith("weights.safetensors"):
            raise ConnectionError("reset")
        pipe(self, path, value, **options)

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", breaks)
    with pytest.raises(ConnectionError):
        publish(sealed, f"{bucket}/bundle")
    assert not fsspec.filesystem("memory").exists(f"{bucket.removeprefix('memory:/')}/bundle")
