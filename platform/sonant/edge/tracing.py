"""Traces of requests and live sessions, where somebody collects them: OpenTelemetry, over OTLP and HTTP.

A request is a span with a child for each stage that it went through; who calls us says with the header `traceparent`
(W3C Trace Context) which trace it belongs to, and our answer says which span it was. Without an endpoint nothing of
OpenTelemetry is imported, and a `traceparent` goes back as it came.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from starlette.types import Scope

from sonant.config.replica import Tracing
from sonant.edge.visit import Visit
from sonant.errors import EnvError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span as OtelSpan

# W3C Trace Context, 3.2: version 00, ids that are not all zero.
_PARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_FIELDS = ("request_id", "session", "method", "route", "status", "outcome", "audio_s")
"""Of a log record's fields, those that a span has as well; task, model and version belong to its resource."""


def parent_of(scope: Scope) -> str:
    """The `traceparent` of a request, if there is one and it is valid; else nothing."""
    for name, value in cast("list[tuple[bytes, bytes]]", scope["headers"]):
        if name == b"traceparent" and _PARENT.fullmatch(value):
            return value.decode("ascii")
    return ""


def trace_id(traceparent: str) -> str:
    """Its trace."""
    return traceparent[3:35]


class Tracer:
    """Makes the spans of one replica."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("sonant")
        self._context = TraceContextTextMapPropagator()

    def begin(self, parent: str) -> Span:
        """The span of a request that comes in now; `parent` is its traceparent."""
        from opentelemetry.trace import SpanKind

        context = self._context.extract({"traceparent": parent}) if parent else None
        return Span(self, self._tracer.start_span("request", context=context, kind=SpanKind.SERVER))

    def stages(self, span: OtelSpan, here: Visit, ended_ns: int) -> None:
        """The stages of a visit as children, told afterwards."""
        from opentelemetry.trace import set_span_in_context

        context, now = set_span_in_context(span), time.perf_counter()
        for stage, start_s, seconds in here.stages:
            began_ns = ended_ns - round((now - start_s) * 1e9)
            child = self._tracer.start_span(stage, context=context, start_time=began_ns)
            child.end(began_ns + round(seconds * 1e9))


class Span:
    """A request that is being traced."""

    def __init__(self, tracer: Tracer, span: OtelSpan) -> None:
        self._tracer, self._span = tracer, span

    @property
    def traceparent(self) -> str:
        """What tells others of it."""
        context = self._span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"

    def end(self, name: str, here: Visit, fields: Mapping[str, Any]) -> None:
        """It is over; what became of it is in a log record's fields."""
        from opentelemetry.trace import StatusCode

        if not self._span.is_recording():
            return
        ended_ns = time.time_ns()
        self._span.update_name(name)
        self._span.set_attributes({f"sonant.{field}": fields[field] for field in _FIELDS if fields.get(field)})
        if here.outcome.startswith("server."):
            self._span.set_status(StatusCode.ERROR, here.outcome)
        self._tracer.stages(self._span, here, ended_ns)
        self._span.end(ended_ns)


def open_tracer(settings: Tracing | None, resource: Mapping[str, str]) -> Tracer | None:
    """What makes and sends spans as the config says; `resource` tells what they are spans of. None: nothing is traced.

    They are sent from a thread of their own, some at once; when the collector is away, they are dropped.
    """
    if settings is None:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
    except ImportError:
        hint = "pip install 'sonant[tracing]', or take `tracing` out of the config"
        raise EnvError("env.missing_extra", "traces need OpenTelemetry", hint=hint) from None
    named = {"service.name": "sonant", **{f"sonant.{name}": value for name, value in resource.items()}}
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(settings.share), resource=Resource(named))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.endpoint, timeout=10)))
    return Tracer(provider)
