"""Writes bundles: whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from sonant.errors import BundleError
from sonant.runtime.bundle import DIGEST, INFO, sidecar, verify
from sonant.runtime.info import BundleInfo
from sonant.track import files

Contents = dict[str, bytes]


def digests(contents: Mapping[str, bytes]) -> dict[str, str]:
    """sha256 of each file, by name."""
    return {name: hashlib.sha256(data).hexdigest() for name, data in sorted(contents.items())}


def seal(info: BundleInfo, contents: Mapping[str, bytes]) -> Contents:
    """All files of a bundle: the given ones, bundle.json that describes them, and the digest of bundle.json."""
    assert info.files == digests(contents), "bundle.json lists the hashes of the files beside it"
    described = (info.model_dump_json(indent=1) + "\n").encode()
    digest = hashlib.sha256(described).hexdigest()
    # bundle.json comes last: where a folder cannot appear at once, one without it is no bundle yet.
    return {**contents, DIGEST: sidecar(digest), INFO: described}


def publish(sealed: Mapping[str, bytes], url: str) -> str:
    """Puts a sealed bundle at a path or URL where nothing is yet. What fails leaves nothing behind.

    On a disk the folder is written beside its place, verified as a server would, and moved there in one rename. Object
    stores take the files one by one, bundle.json last.
    """
    url = files.absolute(url)
    if files.exists(url):
        raise BundleError("bundle.invalid", f"{url} exists already", hint="bundles never change: choose another folder")
    disk = files.on_disk(url)
    with files.disk_full(url):
        if disk is None:
            _publish_objects(sealed, url)
        else:
            _publish_folder(sealed, Path(disk))
    return url


def _publish_folder(sealed: Mapping[str, bytes], folder: Path) -> None:
    beside = folder.parent / f".{folder.name}.{uuid.uuid4().hex[:8]}.part"
    beside.mkdir(parents=True)
    try:
        for name, data in sealed.items():
            with open(beside / name, "xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        verify(beside)
        os.rename(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _publish_objects(sealed: Mapping[str, bytes], url: str) -> None:
    try:
        for name, data in sealed.items():
            files.write_bytes(files.join(url, name), data)
    except BaseException:
        found, inner = files.filesystem(url)
        if found.exists(inner):
            found.rm(inner, recursive=True)
        raise
