"""Reads uploads without ever holding more of them than the limits.

Sizes are checked while bytes arrive, so a missing or false Content-Length changes nothing. Multipart bodies are parsed
as they come in; only the field `file` is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from sonant.config.serve import Limits
from sonant.errors import AudioError, RequestError

FIELD = "file"
_RAW = frozenset({"application/octet-stream", "application/ogg", "video/webm", "video/mp4", "video/ogg"})
_MAX_PARTS = 16


class Uploads:
    """The uploads that one replica holds: each of a limited size and pace, all together within a budget."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.max_bytes = int(limits.max_body_mib * 2**20)
        self.budget_bytes = max(self.max_bytes, int(limits.max_uploads_mib * 2**20))
        self.held_bytes = 0

    @contextmanager
    def one(self) -> Generator[Upload]:
        """Room for one upload until the block ends: read it, and answer it, inside."""
        upload = Upload(self)
        try:
            yield upload
        finally:
            self.held_bytes -= upload.bytes


class Upload:
    """One upload on its way in."""

    def __init__(self, uploads: Uploads) -> None:
        self._uploads = uploads
        self.bytes = 0

    async def read(self, request: Request) -> bytes:
        """The audio of a request: a raw body with an audio/* type, or the multipart field `file`."""
        kind, parameters = content_type(request.headers.get("content-type", ""))
        if kind == "multipart/form-data":
            return await _file_field(self._chunks(request), parameters.get("boundary", ""))
        if kind.startswith("audio/") or kind in _RAW:
            body = bytearray()
            async for chunk in self._chunks(request):
                if not body and len(chunk) == _announced(request):
                    return chunk  # all there at once, the usual case for short clips: no copy
                body += chunk
            return bytes(body)
        told = f"content type {kind}" if kind else "no content type"
        hint = "send multipart field `file`, or the bytes with an audio/* type"
        raise AudioError("audio.unsupported", told, hint=hint)

    async def _chunks(self, request: Request) -> AsyncIterator[bytes]:
        """The chunks of a body, until they are too many or come too slowly."""
        self._check_size(_announced(request) or 0)
        stream = request.stream()
        idle_s = self._uploads.limits.idle_s
        while True:
            try:
                async with asyncio.timeout(idle_s):
                    chunk = await anext(stream, None)
            except TimeoutError:
                raise RequestError("request.too_slow", f"no bytes of the upload for {idle_s:g} s") from None
            if chunk is None:
                return
            self.bytes += len(chunk)
            self._uploads.held_bytes += len(chunk)
            self._check_size(self.bytes)
            if chunk:
                yield chunk

    def _check_size(self, size: int) -> None:
        if size > self._uploads.max_bytes:
            raise AudioError("audio.too_big", f"the body is larger than {self._uploads.limits.max_body_mib:g} MiB")
        if self._uploads.held_bytes > self._uploads.budget_bytes:
            raise RequestError("server.full", "too many uploads are on their way at once")


def content_type(value: str) -> tuple[str, dict[str, str]]:
    """`Multipart/Form-Data; boundary=x` becomes ("multipart/form-data", {"boundary": "x"})."""
    kind, parameters = parse_options_header(value)
    return kind.decode("latin-1"), {name.decode("latin-1"): text.decode("latin-1") for name, text in parameters.items()}


def _announced(request: Request) -> int | None:
    value = request.headers.get("content-length", "")
    return int(value) if value.isdecimal() and len(value) < 20 else None


async def _file_field(chunks: AsyncIterator[bytes], boundary: str) -> bytes:
    collector = _Collector(boundary)
    try:
        async for chunk in chunks:
            collector.parser.write(chunk)
        collector.parser.finalize()
    except MultipartParseError as error:
        raise RequestError("request.invalid", f"the multipart body is broken: {error}") from None
    if collector.audio is None:
        raise RequestError("request.invalid", f"the form has no field {FIELD!r}")
    if not collector.finished:
        raise RequestError("request.invalid", "the multipart body ends before its last boundary")
    return bytes(collector.audio)


class _Collector:
    """Callbacks for the push parser: keeps the part that is named `file`, drops the others."""

    def __init__(self, boundary: str) -> None:
        if not 0 < len(boundary) <= 70:  # RFC 2046, 5.1.1
            raise RequestError("request.invalid", "the multipart content type has no usable boundary")
        self.audio: bytearray | None = None
        self.finished = False
        self._parts = 0
        self._name = bytearray()
        self._value = bytearray()
        self._wanted = False
        self.parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part,
                "on_header_field": lambda data, start, end: self._name.extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
                "on_header_end": self._header,
                "on_part_data": self._data,
                "on_end": self._end,
            },
        )

    def _part(self) -> None:
        self._parts += 1
        self._wanted = False
        if self._parts > _MAX_PARTS:
            raise RequestError("request.invalid", f"the form has more than {_MAX_PARTS} parts")

    def _header(self) -> None:
        if bytes(self._name).lower() == b"content-disposition" and self.audio is None:
            _, parameters = parse_options_header(bytes(self._value))
            if parameters.get(b"name") == FIELD.encode():
                self._wanted = True
                self.audio = bytearray()
        self._name.clear()
        self._value.clear()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._wanted and self.audio is not None:
            self.audio += data[start:end]

    def _end(self) -> None:
        self.finished = True
