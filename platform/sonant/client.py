"""Asks a running server about a recording: nothing but the standard library, so that it also serves as an example.

ask("http://127.0.0.1:8000", "emotions", "call.wav", timeline=True)
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

from sonant.errors import ERRORS, DataError, RequestError

URL = "http://127.0.0.1:8000"
ROUTES = ("classifications", "emotions")

_TIMEOUT_S = 600.0
_SCHEMES: dict[str, type[HTTPConnection]] = {"http": HTTPConnection, "https": HTTPSConnection}


def ask(url: str, route: str, path: str, *, token: str | None = None, **options: object) -> dict[str, Any]:
    """The answer of POST /v1/audio/<route> of the server at `url` about the audio file at `path`.

    `token` is an API key, where the server asks for one. Options become the query; those that are None are left out.
    What the server refuses is raised with its own code, message and hint.
    """
    if not os.path.isfile(path):
        raise DataError("data.not_found", f"there is no file {path}", hint="check the path")
    with open(path, "rb") as file:
        kind, body = form(os.path.basename(path), file.read())
    query = urlencode({name: json.dumps(value) for name, value in options.items() if value is not None})
    status, data = _post(url, f"/v1/audio/{route}" + (f"?{query}" if query else ""), kind, body, token)
    try:
        answer: Any = json.loads(data)
    except ValueError:
        answer = None
    if status != 200 or not isinstance(answer, dict):
        raise _refusal(f"{url}: POST /v1/audio/{route}", status, answer)
    return cast(dict[str, Any], answer)


def form(name: str, data: bytes) -> tuple[str, bytes]:
    """A file as the field `file` of a multipart form (RFC 7578): content type and body."""
    boundary = secrets.token_hex(16)
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quote(name)}"\r\n\r\n'
    return f"multipart/form-data; boundary={boundary}", head.encode() + data + f"\r\n--{boundary}--\r\n".encode()


def _post(url: str, path: str, kind: str, body: bytes, token: str | None) -> tuple[int, bytes]:
    """Status and body of the answer."""
    connect, prefix = _server(url)
    headers = {"Content-Type": kind, **({"Authorization": f"Bearer {token}"} if token else {})}
    try:
        with closing(connect()) as connection:
            # A server that refuses early hangs up while we still send: its answer tells why.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request("POST", prefix + path, body, headers)
            response: HTTPResponse = connection.getresponse()
            return response.status, response.read()
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
