"""Asks a running server about a recording: nothing but the standard library, so that it also serves as an example.

ask("http://127.0.0.1:8000", "emotions", "call.wav", timeline=True)
extract("http://127.0.0.1:8000", "meeting.wav", "anna.flac", references=["anna.wav"])
enhance("http://127.0.0.1:8000", "noisy.wav", "clean.wav", dry=0.1)
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from email.message import Message
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

from sonant.errors import ERRORS, DataError, RequestError

URL = "http://127.0.0.1:8000"
ROUTES = ("classifications", "emotions", "extractions", "enhancements", "transcriptions")

_SOUNDS = {".wav": "audio/wav", ".flac": "audio/flac", ".ogg": "audio/ogg"}
"""What sound is asked for as, by the file that it is to be written to."""
_FACTS: dict[str, tuple[str, type]] = {
    "model": ("X-Sonant-Model", str),
    "sample_rate_hz": ("X-Sonant-Sample-Rate", int),
    "duration_s": ("X-Sonant-Duration", float),
    "input_dbfs": ("X-Sonant-Input-Dbfs", float),
    "output_dbfs": ("X-Sonant-Output-Dbfs", float),
    "presence": ("X-Sonant-Presence", float),
    "result": ("X-Sonant-Result", str),
    "result_expires": ("X-Sonant-Result-Expires", str),
}
"""What is told of sound, and in which header."""
_TIMEOUT_S = 600.0
_SCHEMES: dict[str, type[HTTPConnection]] = {"http": HTTPConnection, "https": HTTPSConnection}


def ask(url: str, route: str, path: str, *, token: str | None = None, **options: object) -> dict[str, Any]:
    """The answer of POST /v1/audio/<route> of the server at `url` about the audio file at `path`.

    `token` is an API key, where the server asks for one. Options become the query; those that are None are left out.
    What the server refuses is raised with its own code, message and hint.
    """
    query = urlencode({name: json.dumps(value) for name, value in options.items() if value is not None})
    place = f"/v1/audio/{route}" + (f"?{query}" if query else "")
    status, data, _ = _post(url, place, *form(("file", *_file(path))), token=token)
    answer = _parsed(data)
    if status != 200 or not isinstance(answer, dict):
        raise _refusal(f"{url}: POST /v1/audio/{route}", status, answer)
    return cast(dict[str, Any], answer)


def get(url: str, place: str, *, token: str | None = None) -> dict[str, Any]:
    """What a server tells at a path: `get("http://127.0.0.1:8000", "/v1/models")`."""
    status, data, _ = _asked("GET", url, place, {}, None, token)
    answer = _parsed(data)
    if status != 200 or not isinstance(answer, dict):
        raise _refusal(f"{url}: GET {place}", status, answer)
    return cast(dict[str, Any], answer)


def extract(
    url: str,
    path: str,
    out: str,
    *,
    references: Sequence[str] = (),
    speaker: str | None = None,
    token: str | None = None,
) -> dict[str, Any]:
    """Writes the voice of the references, or of an enrolled speaker, as it is in the recording at `path` to `out` (wav,
    flac or ogg, by its name), and gives what the server tells of it. The server must serve extractions."""
    parts = [("file", *_file(path)), *(("reference", *_file(reference)) for reference in references)]
    parts += [] if speaker is None else [("speaker", None, speaker.encode())]
    return {"path": path, **_sound(url, "/v1/audio/extractions", parts, out, token)}


def enhance(
    url: str, path: str, out: str, *, dry: float = 0.0, store: bool = False, token: str | None = None
) -> dict[str, Any]:
    """Writes the recording at `path` without its noise to `out` (wav, flac or ogg, by its name), and gives what the
    server tells of it; the share `dry` of the recording stays. With `store` the server keeps the answer for a time, and
    tells its id. It must serve enhancements."""
    query = urlencode({"dry": dry, "store": json.dumps(store)})
    return {"path": path, **_sound(url, f"/v1/audio/enhancements?{query}", [("file", *_file(path))], out, token)}


def _sound(
    url: str, place: str, parts: Sequence[tuple[str, str | None, bytes]], out: str, token: str | None
) -> dict[str, Any]:
    """Writes the sound that answers a form, and gives what its headers tell."""
    accept = _SOUNDS.get(os.path.splitext(out)[1].lower())
    if accept is None:
        raise RequestError("request.not_acceptable", f"{out} is none of {', '.join(_SOUNDS)}", hint="name it voice.wav")
    status, data, headers = _post(url, place, *form(*parts), accept=accept, token=token)
    if status != 200 or headers.get("Content-Type") != accept:
        raise _refusal(f"{url}: POST {place}", status, _parsed(data))
    with open(out, "wb") as file:
        file.write(data)
    return {"out": out, **{fact: kind(headers[name]) for fact, (name, kind) in _FACTS.items() if name in headers}}


def form(*parts: tuple[str, str | None, bytes]) -> tuple[str, bytes]:
    """Fields, each with the name of its file or None and its bytes, as a multipart form (RFC 7578): content type and
    body."""
    boundary = secrets.token_hex(16)
    body = bytearray()
    for field, name, data in parts:
        place = "" if name is None else f'; filename="{quote(name)}"'
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"{place}\r\n\r\n'
        body += head.encode() + data + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", bytes(body) + f"--{boundary}--\r\n".encode()


def _file(path: str) -> tuple[str, bytes]:
    """Name and bytes of a file."""
    if not os.path.isfile(path):
        raise DataError("data.not_found", f"there is no file {path}", hint="check the path")
    with open(path, "rb") as file:
        return os.path.basename(path), file.read()


def _parsed(data: bytes) -> object:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _post(
    url: str, path: str, kind: str, body: bytes, accept: str = "*/*", token: str | None = None
) -> tuple[int, bytes, Message]:
    """Status, body and headers of the answer."""
    return _asked("POST", url, path, {"Content-Type": kind, "Accept": accept}, body, token)


def _asked(
    method: str, url: str, path: str, headers: dict[str, str], body: bytes | None, token: str | None
) -> tuple[int, bytes, Message]:
    connect, prefix = _server(url)
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with closing(connect()) as connection:
            # A server that refuses early hangs up while we still send: its answer tells why.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, prefix + path, body, headers)
            response: HTTPResponse = connection.getresponse()
            return response.status, response.read(), response.headers
    except (OSError, HTTPException) as error:
        told = str(error) or type(error).__name__
        raise RequestError("server.unreachable", f"no answer from {url}: {told}") from error


def _server(url: str) -> tuple[Callable[[], HTTPConnection], str]:
    """What connects to the server at `url`, and the path that its routes begin with."""
    with suppress(KeyError, ValueError):
        parts = urlsplit(url)
        kind, host, port = _SCHEMES[parts.scheme], parts.hostname, parts.port
        if host:
            return lambda: kind(host, port, timeout=_TIMEOUT_S), parts.path.rstrip("/")
    raise RequestError("request.invalid", f"{url!r} is no address of a server", hint=f"write it as {URL}")


def _refusal(what: str, status: int, answer: object) -> RequestError:
    """The server's own error, if it is one of ours."""
    told = cast(Mapping[str, Any], answer).get("error") if isinstance(answer, Mapping) else None
    if isinstance(told, Mapping):
        error = cast(Mapping[str, Any], told)
        if error.get("code") in ERRORS:
            return RequestError(str(error["code"]), str(error.get("message", "")), hint=str(error.get("hint", "")))
    return RequestError("server.unreachable", f"{what}: HTTP {status}, and not an answer of ours")
