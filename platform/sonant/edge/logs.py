"""What happens on a server as log records with fields, one for each request and each turn of a live session.

A record's message reads `request outcome=ok seconds=0.012 ...`; the same fields are attributes of the record, so that a
JSON formatter writes them as keys. Who formats and keeps them is for the process to say: nothing is set up here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

log = logging.getLogger("sonant.events")

FIELDS: Mapping[str, str] = {
    "event": "request; session.opened, .resumed, .drained, .ended, .refused",
    "request_id": "`X-Request-Id` of the request or socket",
    "trace_id": "of its `traceparent`, where there is one",
    "session": "id of a live session, the same after it was resumed: never its token",
    "key": "public id of the key that it came with (`sonant keys list`): never the key",
    "method": "of a request",
    "route": "as the API documents it, `/v1/speakers/{speaker}`: never what was put in",
    "status": "HTTP status of the answer",
    "task": "of the bundle",
    "model": "its name",
    "version": "its version",
    "outcome": "ok, done, drained, gone (the client left), or the code of the error",
    "seconds": "from the first byte in to the last byte out, or the session's length",
    "audio_s": "seconds of sound that came in",
    "queue_s": "of `seconds`: waiting",
    "decode_s": "of `seconds`: decoding",
    "graph_s": "of `seconds`: the network",
}
"""Every field of our records and what it holds; docs/metrics.md lists them."""


class Event:
    """The message of a record: its name and fields, put into words only when somebody wants to read them."""

    def __init__(self, name: str, fields: Mapping[str, Any]) -> None:
        self.name = name
        self.fields = fields

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{name}={value}" for name, value in self.fields.items())])


def event(name: str, fields: Mapping[str, Any], level: int = logging.INFO) -> None:
    """Logs that something happened; fields without a value are left out, times are rounded to microseconds."""
    if not log.isEnabledFor(level):
        return
    told = {
        field: round(value, 6) if isinstance(value, float) else value
        for field, value in fields.items()
        if value is not None and value != ""
    }
    log.log(level, Event(name, told), extra={"event": name, **told})
