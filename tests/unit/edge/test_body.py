"""Uploads are read within their limit, whatever they announce, and told apart from broken ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from fastapi import Request

from sonant.config.replica import Limits
from sonant.edge.body import Uploads, content_type
from sonant.errors import AudioError, RequestError, SonantError

LIMIT = 1000


def multipart(*parts: tuple[str, bytes], boundary: str = "b0", end: bool = True) -> bytes:
    body = b""
    for name, data in parts:
        disposition = f'Content-Disposition: form-data; name="{name}"; filename="a.wav"'
        body += f"--{boundary}\r\n{disposition}\r\nContent-Type: audio/wav\r\n\r\n".encode() + data + b"\r\n"
    return body + (f"--{boundary}--\r\n".encode() if end else b"")


class Client:
    """A request whose body comes in pieces; knows how many were asked for."""

    def __init__(self, pieces: Iterable[bytes], kind: str | None, length: int | str | None = None) -> None:
        self.pieces = list(pieces)
        self.taken = 0
        headers = [(b"content-type", kind.encode())] if kind is not None else []
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        self.request = Request({"type": "http", "method": "POST", "headers": headers}, self.receive)

    async def receive(self) -> dict[str, Any]:
        self.taken += 1
        last = self.taken >= len(self.pieces)
        return {"type": "http.request", "body": self.pieces[self.taken - 1], "more_body": not last}

    def read(self, limit: int = LIMIT) -> bytes:
        return asyncio.run(read(Uploads(Limits(max_body_mib=limit / 2**20)), self.request))


async def read(uploads: Uploads, request: Request) -> bytes:
    with uploads.one() as upload:
        return await upload.read(request)


def pieces_of(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize(
    "kind", ["audio/wav", "Audio/X-WAV", "audio/webm;codecs=opus", "video/webm", "application/ogg"]
)
@pytest.mark.parametrize("length", [None, 600])
@pytest.mark.parametrize("size", [600, 7])
def test_a_raw_body_comes_out_as_it_went_in(kind: str, length: int | None, size: int) -> None:
    data = bytes(range(200)) * 3
    assert Client(pieces_of(data, size), kind, length).read() == data


@pytest.mark.parametrize("size", [1, 13, 10_000])
def test_the_file_field_of_a_form_comes_out(size: int) -> None:
    data = b"\r\n--b is not the boundary\r\n--" + bytes(range(256))
    body = multipart(("note", b"other"), ("file", data), ("file", b"second"))
    assert Client(pieces_of(body, size), "multipart/form-data; boundary=b0").read() == data


@pytest.mark.parametrize("announced", [None, 10, LIMIT, "nonsense", "-1"])
@pytest.mark.parametrize("form", [False, True])
def test_reading_stops_at_the_limit_whatever_was_announced(announced: int | str | None, form: bool) -> None:
    body = multipart(("file", bytes(100 * LIMIT)))
    client = Client(pieces_of(body, 100), "multipart/form-data; boundary=b0" if form else "audio/wav", announced)
    with pytest.raises(AudioError) as caught:
        client.read()
    assert caught.value.code == "audio.too_big"
    assert client.taken == LIMIT // 100 + 1


def test_a_body_announced_as_too_big_is_not_read_at_all() -> None:
    client = Client([b"x"], "audio/wav", LIMIT + 1)
    with pytest.raises(AudioError):
        client.read()
    assert client.taken == 0


def test_a_body_of_exactly_the_limit_is_taken() -> None:
    assert len(Client(pieces_of(bytes(LIMIT), 100), "audio/wav").read()) == LIMIT


@pytest.mark.parametrize(
    ("kind", "body", "code", "part"),
    [
        (None, b"x", "audio.unsupported", "no content type"),
        ("application/json", b"{}", "audio.unsupported", "application/json"),
        ("application/vnd.python.pickle", b"x", "audio.unsupported", "pickle"),
        (";;;", b"x", "audio.unsupported", "content type"),
        ("multipart/form-data", multipart(("file", b"x")), "request.invalid", "boundary"),
        ("multipart/form-data; boundary=" + "b" * 71, b"", "request.invalid", "boundary"),
        ("multipart/form-data; boundary=other", multipart(("file", b"x")), "request.invalid", "broken"),
        ("multipart/form-data; boundary=b0", multipart(("sound", b"x")), "request.invalid", "'file'"),
        ("multipart/form-data; boundary=b0", multipart(("file", b"x"), end=False), "request.invalid", "ends before"),
        ("multipart/form-data; boundary=b0", b"", "request.invalid", "'file'"),
        ("multipart/form-data; boundary=b0", multipart(*[("a", b"")] * 17), "request.invalid", "16"),
        ("multipart/form-data; boundary=b0", b"--b0\r\n" + b"h" * 900, "request.invalid", "ends before|broken|'file'"),
    ],
)
def test_what_is_no_upload_is_told_why(kind: str | None, body: bytes, code: str, part: str) -> None:
    with pytest.raises((AudioError, RequestError), match=part) as caught:
        Client([body], kind).read(4 * LIMIT)
    assert isinstance(caught.value, SonantError)
    assert caught.value.code == code


def test_content_types_are_read_with_their_parameters() -> None:
    assert content_type('Multipart/Form-Data; boundary="x y"') == ("multipart/form-data", {"boundary": "x y"})
    assert content_type("audio/wav") == ("audio/wav", {})
    assert content_type("") == ("", {})


class Staller(Client):
    """Sends one piece, and then nothing."""

    async def receive(self) -> dict[str, Any]:
        if self.taken == 1:
            await asyncio.Event().wait()
        self.taken += 1
        return {"type": "http.request", "body": self.pieces[0], "more_body": True}


def test_an_upload_that_stalls_is_given_up() -> None:
    uploads = Uploads(Limits(idle_s=0.01))
    with pytest.raises(RequestError) as caught:
        asyncio.run(read(uploads, Staller([b"x"], "audio/wav").request))
    assert caught.value.code == "request.too_slow"
    assert uploads.held_bytes == 0


def test_all_uploads_together_stay_within_their_budget() -> None:
    uploads = Uploads(Limits(max_body_mib=1, max_uploads_mib=1))

    async def many() -> list[bytes | BaseException]:
        stalled = [asyncio.create_task(read(uploads, Staller([bytes(2**18)], "audio/wav").request)) for _ in range(4)]
        while uploads.held_bytes < 2**20:
            await asyncio.sleep(0)
        late = await asyncio.gather(read(uploads, Client([b"x"], "audio/wav").request), return_exceptions=True)
        for task in stalled:
            task.cancel()
        await asyncio.gather(*stalled, return_exceptions=True)
        return [*late, await read(uploads, Client([b"x"], "audio/wav").request)]

    refused, taken = asyncio.run(many())
    assert isinstance(refused, RequestError)
    assert refused.code == "server.full"
    assert taken == b"x"
    assert uploads.held_bytes == 0


def read_form(
    *parts: tuple[str, bytes], files: dict[str, int], texts: tuple[str, ...] = (), size: int = 50, **kind: bool
):
    kind_of = "text/plain" if kind.get("plain") else "multipart/form-data; boundary=b0"
    client = Client(pieces_of(multipart(*parts, end=kind.get("end", True)), size), kind_of)

    async def run():
        with Uploads(Limits()).one() as upload:
            return await upload.read_form(client.request, files, texts)

    return asyncio.run(run())


@pytest.mark.parametrize("size", [1, 50, 5000])
def test_a_form_of_several_recordings_and_words(size: int) -> None:
    parts = (("file", b"one"), ("name", "Ad\u00e4".encode()), ("other", b"x"), ("file", b"two"), ("reference", b""))
    form = read_form(*parts, files={"file": 2, "reference": 1, "none": 1}, texts=("name", "ttl_s"), size=size)
    assert form.files == {"file": [b"one", b"two"], "reference": [b""], "none": []}
    assert form.texts == {"name": "Ad\u00e4"}


@pytest.mark.parametrize(
    ("parts", "kind", "told"),
    [
        ((("file", b"1"), ("file", b"2")), {}, "2 fields 'file'"),
        ((("file", b"1"), ("name", b"x" * 1001)), {}, "'name' is no text"),
        ((("file", b"1"), ("name", b"\xff\xfe")), {}, "'name' is no text"),
        ((("file", b"1"),), {"end": False}, "ends before"),
        ((("file", b"1"),), {"plain": True}, "text/plain"),
    ],
)
def test_forms_that_cannot_be_meant(parts: tuple[tuple[str, bytes], ...], kind: dict[str, bool], told: str) -> None:
    with pytest.raises(RequestError, match=told):
        read_form(*parts, files={"file": 1}, texts=("name",), **kind)


def test_more_requests_than_allowed_are_refused_and_leave_no_trace() -> None:
    uploads = Uploads(Limits(max_requests=2))
    with uploads.one(), uploads.one():
        with pytest.raises(RequestError, match="all 2 requests") as caught, uploads.one():
            pass
        with uploads.within_session():
            pass
    assert caught.value.code == "server.full"
    assert uploads.requests == 0
