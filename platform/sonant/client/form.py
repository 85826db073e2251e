"""Recordings and words as a multipart form (RFC 7578)."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from urllib.parse import quote

from sonant.errors import DataError

Audio = str | os.PathLike[str] | bytes
"""A recording: the path of its file, or the bytes of the file themselves."""
Part = tuple[str, str | None, bytes]
"""Field, name of its file or None, and bytes."""


def recording(field: str, audio: Audio) -> Part:
    """A field that is a recording."""
    if isinstance(audio, bytes):
        return field, "audio", audio
    path = os.fspath(audio)
    if not os.path.isfile(path):
        raise DataError("data.not_found", f"there is no file {path}", hint="check the path")
    with open(path, "rb") as file:
        return field, os.path.basename(path), file.read()


def form(parts: Sequence[Part]) -> tuple[str, bytes]:
    """Content type and body of a form."""
    boundary = secrets.token_hex(16)
    body = bytearray()
    for field, name, data in parts:
        place = "" if name is None else f'; filename="{quote(name)}"'
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"{place}\r\n\r\n'
        body += head.encode() + data + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", bytes(body) + f"--{boundary}--\r\n".encode()
