"""What a server writes down of its work: logs and traces."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.base import Section


class Tracing(Section):
    """Where traces of requests go: a collector that takes OTLP over HTTP. Needs `pip install 'sonant[tracing]'`."""

    endpoint: Annotated[str, Field(pattern=r"^https?://[^/\s]+(/\S*)?$")]
    """Its address, such as http://127.0.0.1:4318/v1/traces."""
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of requests that are traced, where the caller's `traceparent` does not say whether to."""


class LoggingConfig(Section):
    """How replicas log: Ray Serve's own keys. Their files are below `logs/serve` of Ray's session folder."""

    encoding: Literal["JSON", "TEXT"] = "JSON"
    """JSON: an object a line, with all fields; TEXT: for people."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "WARNING"
    """Least level that is logged. INFO: a line for each request and each turn of a live session, about 0.08 ms of CPU a
    line; WARNING: trouble alone."""
    enable_access_log: bool = False
    """Ray Serve's own line for each request, which knows less than ours."""
    logs_dir: str | None = None
    """Folder of the files on every node, in place of Ray's."""
