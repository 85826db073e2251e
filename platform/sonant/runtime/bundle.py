"""Opens a bundle: finds it, checks it, and only then lets anything be read from it.

The order is the defence. Names and file types are looked at first, then bundle.json is hashed against its own record
(`bundle.sha256`, and the store's alias when it was named through one), then parsed, then every other file is hashed,
then the parity record is judged. No byte of a graph is parsed before all of that holds, and `Bundle.read` hashes again
what it hands out, so a file swapped after opening is refused as well.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from pydantic import ValidationError

from sonant.errors import BundleError
from sonant.runtime.info import MAX_TOLERANCE, REQUIRED, BundleInfo
from sonant.runtime.refs import local_copy, locate

__all__ = ["DIGEST", "INFO", "Bundle", "BundleInfo", "judge", "open_bundle", "sidecar", "verify"]

INFO = "bundle.json"
DIGEST = "bundle.sha256"
"""Holds the sha256 of bundle.json, in the format of sha256sum(1)."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_MAX_FILES = 34
_MAX_INFO_BYTES = 4_000_000


@dataclass(frozen=True)
class Bundle:
    """A bundle whose files and parity record held when it was opened."""

    info: BundleInfo
    path: Path
    digest: str
    """sha256 of bundle.json: with the hashes inside, it names every byte of the bundle."""

    def file(self, name: str) -> Path:
        """Where one of its files lies."""
        if name not in self.info.files:
            raise BundleError("bundle.invalid", f"{self.info.name} {self.info.version} has no file {name!r}")
        return self.path / name

    def read(self, name: str) -> bytes:
        """One of its files, hashed again: what is parsed is what was verified."""
        with _open(self.file(name)) as stream:
            data = stream.read()
        if hashlib.sha256(data).hexdigest() != self.info.files[name]:
            raise BundleError("bundle.tampered", f"{self.path / name} changed after the bundle was opened")
        return data


def open_bundle(ref: str | os.PathLike[str]) -> Bundle:
    """Opens and verifies a bundle: a folder or URL (copied to the cache), STORE/NAME@ALIAS or STORE/NAME/VERSION."""
    place = locate(os.fspath(ref))
    folder = local_copy(place.url, INFO)
    return verify(folder, digest=place.digest)


def verify(folder: Path, *, digest: str | None = None) -> Bundle:
    """Checks a bundle folder in full; raises BundleError unless every rule holds. `digest`: one known beforehand."""
    present = _names(folder)
    for name in (INFO, DIGEST):
        if name not in present:
            raise BundleError("bundle.invalid", f"{folder} has no {name}")
    raw = _read_bounded(folder / INFO, _MAX_INFO_BYTES)
    actual = hashlib.sha256(raw).hexdigest()
    if _read_bounded(folder / DIGEST, 200) != sidecar(actual) or digest not in (None, actual):
        raise BundleError("bundle.tampered", f"{folder / INFO} differs from its recorded hash")
    info = _parse(raw, folder)
    if set(info.files) != present - {INFO, DIGEST}:
        odd = sorted(set(info.files) ^ (present - {INFO, DIGEST}))
        raise BundleError("bundle.invalid", f"{folder}: missing or unlisted files: {', '.join(odd)}")
    for name, expected in info.files.items():
        with _open(folder / name) as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != expected:
                raise BundleError("bundle.tampered", f"{folder / name} differs from its recorded hash")
    judge(info, str(folder))
    return Bundle(info, folder, actual)


def sidecar(digest: str) -> bytes:
    """What bundle.sha256 holds."""
    return f"{digest}  {INFO}\n".encode()


def judge(info: BundleInfo, where: str) -> None:
    """Raises unless the parity record has every check that the graphs call for, each within its tolerance."""
    needed = {check for role in info.graphs for check in REQUIRED[role]}
    missing = sorted(needed - set(info.parity))
    if missing:
        raise BundleError("bundle.unproven", f"{where}: no parity record for {', '.join(missing)}")
    for name, check in info.parity.items():
        if check.error > check.tolerance or check.tolerance > MAX_TOLERANCE:
            raise BundleError(
                "bundle.unproven",
                f"{where}: parity check {name} ({check.what}) has an error of {check.error:.3g}, "
                f"allowed {min(check.tolerance, MAX_TOLERANCE):.3g}",
            )


def _names(folder: Path) -> set[str]:
    """The files of a folder, each a plain file with a plain name."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.is_file(follow_symlinks=False)) for entry in entries]
    except OSError as error:
        raise BundleError("bundle.not_found", f"no bundle at {folder}: {error.strerror}") from None
    for name, plain in found:
        if not plain or not _NAME.fullmatch(name):
            raise BundleError("bundle.invalid", f"{folder}: {name!r} is not a plain file with a plain name")
    if len(found) > _MAX_FILES:
        raise BundleError("bundle.invalid", f"{folder} holds {len(found)} files, at most {_MAX_FILES} are allowed")
    return {name for name, _ in found}


def _open(path: Path) -> BufferedReader:
    """Opens a regular file only: a link, pipe or device put in its place after the listing is refused too."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise BundleError("bundle.invalid", f"cannot read {path}: {error.strerror}") from None
    stream = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        stream.close()
        raise BundleError("bundle.invalid", f"{path} is not a plain file")
    return stream


def _read_bounded(path: Path, limit: int) -> bytes:
    with _open(path) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise BundleError("bundle.invalid", f"{path} is larger than {limit} bytes")
    return data


def _parse(raw: bytes, folder: Path) -> BundleInfo:
    try:
        return BundleInfo.model_validate_json(raw, strict=True)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()[:5])
        raise BundleError("bundle.invalid", f"{folder / INFO}: {faults}") from None
