"""Reads uploads without ever holding more of them than the limits.

Sizes are checked while bytes arrive, so a missing or false Content-Length changes nothing. Multipart bodies are parsed
as they come in; only the fields that the route asks for are kept.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from sonant.config.replica import Limits
from sonant.errors import AudioError, RequestError

FIELD = "file"
_RAW = frozenset({"application/octet-stream", "application/ogg", "video/webm", "video/mp4", "video/ogg"})
_MAX_PARTS = 16
_MAX_TEXT = 1000
"""Most bytes of a field that is a word and not a recording."""


@dataclass(frozen=True)
class Form:
    """What was sent in a form: recordings by field in the order they came, and words."""

    files: Mapping[str, list[bytes]]
    texts: Mapping[str, str]
    lists: Mapping[str, list[str]]
    """Words of fields that may come several times."""


class Uploads:
    """The uploads that one replica holds: each of a limited size and pace, all together within a budget."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.max_bytes = int(limits.max_body_mib * 2**20)
        self.budget_bytes = max(self.max_bytes, int(limits.max_uploads_mib * 2**20))
        self.held_bytes = 0
        self.requests = 0

    @contextmanager
    def one(self) -> Generator[Upload]:
        """Room for one request with an upload until the block ends: read it, and answer it, inside."""
        if self.requests >= self.limits.max_requests:
            raise RequestError("server.full", f"all {self.limits.max_requests} requests at once are taken")
        self.requests += 1
        try:
            with self.within_session() as upload:
                yield upload
        finally:
            self.requests -= 1

    @contextmanager
    def within_session(self) -> Generator[Upload]:
        """Room for one upload that is part of a live session, which has its place already."""
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
            return await self.read_raw(request)
        told = f"content type {kind}" if kind else "no content type"
        hint = "send multipart field `file`, or the bytes with an audio/* type"
        raise AudioError("audio.unsupported", told, hint=hint)

    async def read_raw(self, request: Request) -> bytes:
        """The body as it is, of any type."""
        body = bytearray()
        async for chunk in self._chunks(request):
            if not body and len(chunk) == _announced(request):
                return chunk  # all there at once, the usual case for short clips: no copy
            body += chunk
        return bytes(body)

    async def read_form(
        self,
        request: Request,
        files: Mapping[str, int],
        texts: tuple[str, ...] = (),
        lists: Mapping[str, int] | None = None,
    ) -> Form:
        """The fields of a multipart form: of each of `files` at most so many recordings, the words `texts`, and of each
        of `lists` at most so many words."""
        kind, parameters = content_type(request.headers.get("content-type", ""))
        if kind != "multipart/form-data":
            raise RequestError("request.invalid", f"content type {kind or 'none'}", hint="send multipart/form-data")
        lists = lists or {}
        kept = {**files, **dict.fromkeys(texts, 1), **lists}
        collector = await _collected(self._chunks(request), parameters.get("boundary", ""), kept)
        if not collector.finished:
            raise RequestError("request.invalid", "the multipart body ends before its last boundary")
        for name, count in collector.seen.items():
            if count > kept.get(name, count):
                raise RequestError(
                    "request.invalid", f"the form has {count} fields {name!r}, at most {kept[name]} are taken"
                )
        found = collector.parts
        words = {name: _text(name, found[name][0]) for name in texts if found[name]}
        several = {name: [_text(name, part) for part in found[name]] for name in lists}
        return Form({name: [bytes(part) for part in found[name]] for name in files}, words, several)

    async def read_recording(self, request: Request, texts: tuple[str, ...] = ()) -> Form:
        """One recording, as `read` takes it, and the words `texts` of a form that holds it."""
        kind, _ = content_type(request.headers.get("content-type", ""))
        if kind != "multipart/form-data":
            return Form({FIELD: [await self.read(request)]}, {}, {})
        form = await self.read_form(request, {FIELD: 1}, texts)
        if not form.files[FIELD]:
            raise RequestError("request.invalid", f"the form has no field {FIELD!r}")
        return form

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
            self.count(len(chunk))
            if chunk:
                yield chunk

    def count(self, size: int) -> None:
        """So many bytes have come in; raises when they are too many."""
        self.bytes += size
        self._uploads.held_bytes += size
        self._check_size(self.bytes)

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
    collector = await _collected(chunks, boundary, {FIELD: 1})
    if not collector.parts[FIELD]:
        raise RequestError("request.invalid", f"the form has no field {FIELD!r}")
    if not collector.finished:
        raise RequestError("request.invalid", "the multipart body ends before its last boundary")
    return bytes(collector.parts[FIELD][0])


async def _collected(chunks: AsyncIterator[bytes], boundary: str, kept: Mapping[str, int]) -> _Collector:
    collector = _Collector(boundary, kept)
    try:
        async for chunk in chunks:
            collector.parser.write(chunk)
        collector.parser.finalize()
    except MultipartParseError as error:
        raise RequestError("request.invalid", f"the multipart body is broken: {error}") from None
    return collector


def _text(name: str, raw: bytearray) -> str:
    try:
        if len(raw) <= _MAX_TEXT:
            return raw.decode()
    except UnicodeDecodeError:
        pass
    raise RequestError("request.invalid", f"the field {name!r} is no text of at most {_MAX_TEXT} bytes")


class _Collector:
    """Callbacks for the push parser: keeps the first parts of each name that is wanted, drops the others."""

    def __init__(self, boundary: str, kept: Mapping[str, int]) -> None:
        if not 0 < len(boundary) <= 70:  # RFC 2046, 5.1.1
            raise RequestError("request.invalid", "the multipart content type has no usable boundary")
        self.parts: dict[str, list[bytearray]] = {name: [] for name in kept}
        self.seen: Counter[str] = Counter()
        self.finished = False
        self._kept = kept
        self._parts = 0
        self._name = bytearray()
        self._value = bytearray()
        self._into: bytearray | None = None
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
        self._into = None
        if self._parts > _MAX_PARTS:
            raise RequestError("request.invalid", f"the form has more than {_MAX_PARTS} parts")

    def _header(self) -> None:
        if bytes(self._name).lower() == b"content-disposition" and self._into is None:
            _, parameters = parse_options_header(bytes(self._value))
            name = parameters.get(b"name", b"").decode("latin-1")
            self.seen[name] += 1
            if self.seen[name] <= self._kept.get(name, 0):
                self._into = bytearray()
                self.parts[name].append(self._into)
        self._name.clear()
        self._value.clear()

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._into is not None:
            self._into += data[start:end]

    def _end(self) -> None:
        self.finished = True
