"""What a server says instead of an answer."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from sonant.errors import ERRORS, RequestError


class Reply(NamedTuple):
    """What came back over HTTP."""

    status: int
    headers: Mapping[str, str]
    """By their names in small letters."""
    data: bytes

    def json(self) -> Any:
        """The body; ValueError where it is no JSON."""
        return json.loads(self.data)


class Refusal(RequestError):
    """A request that the server did not answer: its own code, message and hint."""

    status: int = 0
    """Of HTTP."""
    request_id: str = ""
    """What the server's logs know the request by."""
    retry_after_s: float | None = None
    """When it may be tried again, if the server says."""


def refusal(what: str, reply: Reply) -> Refusal:
    """The error of a reply: the server's own, if it is one of ours."""
    error = Refusal("server.unreachable", f"{what}: HTTP {reply.status}, and not an answer of ours")
    try:
        told = reply.json()["error"]
        if told["code"] in ERRORS:
            error = Refusal(str(told["code"]), str(told["message"]), hint=str(told["hint"]))
            error.request_id = str(cast(Mapping[str, Any], told).get("request_id", ""))
    except (ValueError, LookupError, TypeError):
        pass  # another server, or something in between
    error.status, error.retry_after_s = reply.status, retry_after_s(reply)
    return error


def retry_after_s(reply: Reply) -> float | None:
    """Seconds after which the server takes a request that it has refused for now; None: it does not say."""
    if reply.status not in (429, 503):
        return None
    try:
        wait_s = float(reply.headers.get("retry-after", ""))
    except ValueError:
        return None
    return wait_s if 0 <= wait_s < math.inf else None
