"""Traces: a span for each request with its stages below it, part of the caller's trace; nothing where nobody asks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Generator

import httpx
import pytest
from fastapi import Request
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import SpanKind, StatusCode

from sonant.config.load import check
from sonant.config.replica import Tracing
from sonant.edge import face, tracing, visit
from sonant.edge.metrics import Metrics
from sonant.edge.watch import Watch
from sonant.errors import ConfigError, EnvError, SonantError

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def app(spans: InMemorySpanExporter) -> Generator[Watch]:
    api, metrics = face.create("test"), Metrics("classify", "words", "v1")
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(1.0))
    provider.add_span_processor(SimpleSpanProcessor(spans))

    @api.post("/hear/{name}")
    async def hear(name: str, request: Request) -> dict[str, str]:
        with metrics.timed_request():
            for stage in ("decode", "queue", "graph", "answer"):
                with visit.stage(stage):
                    pass
            if await request.body():
                raise SonantError("server.full", "no")
        return {}

    yield Watch(api, metrics, tracing.Tracer(provider))
    provider.shutdown()


def ask(app: Watch, body: bytes = b"", **headers: str) -> httpx.Response:
    async def run() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            return await client.post("/hear/anna", content=body, headers=headers)

    return asyncio.run(run())


def given(span: ReadableSpan) -> str:
    """The header that tells of a span."""
    context = span.get_span_context()
    assert context is not None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def test_a_request_is_a_span_with_its_stages(app: Watch, spans: InMemorySpanExporter) -> None:
    answer = ask(app, **{"X-Request-Id": "abc-1"})
    *stages, root = spans.get_finished_spans()
    assert (root.name, root.kind, root.parent) == ("POST /hear/{name}", SpanKind.SERVER, None)
    assert [one.name for one in stages] == ["decode", "queue", "graph", "answer"]
    assert root.context is not None
    for one in stages:
        assert one.parent is not None
        assert one.parent.span_id == root.context.span_id
        assert (one.start_time or 0) <= (one.end_time or 0) <= (root.end_time or 0)
    assert root.attributes == {
        "sonant.request_id": "abc-1", "sonant.method": "POST", "sonant.route": "/hear/{name}", "sonant.status": 200,
        "sonant.outcome": "ok",
    }  # fmt: skip
    assert answer.headers["traceparent"] == given(root)


def test_it_belongs_to_the_callers_trace(app: Watch, spans: InMemorySpanExporter) -> None:
    answer = ask(app, traceparent=f"00-{TRACE}-{PARENT}-01")
    root = spans.get_finished_spans()[-1]
    assert root.parent is not None
    assert f"{root.parent.span_id:016x}" == PARENT
    assert answer.headers["traceparent"] == given(root)
    assert answer.headers["traceparent"].startswith(f"00-{TRACE}-")


def test_a_caller_who_does_not_trace_is_not_traced(app: Watch, spans: InMemorySpanExporter) -> None:
    answer = ask(app, traceparent=f"00-{TRACE}-{PARENT}-00")
    assert answer.headers["traceparent"].startswith(f"00-{TRACE}-")
    assert answer.headers["traceparent"].endswith("-00")
    assert spans.get_finished_spans() == ()


def test_our_own_faults_are_marked(app: Watch, spans: InMemorySpanExporter) -> None:
    ask(app, b"x")
    root = spans.get_finished_spans()[-1]
    assert (root.status.status_code, root.status.description) == (StatusCode.ERROR, "server.full")


def test_without_a_config_nothing_is_imported() -> None:
    code = (
        "import sys; from sonant.edge import watch, tracing; assert tracing.open_tracer(None, {}) is None;"
        # FastAPI imports the API by itself.
        "assert not [name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    with pytest.raises(EnvError, match="OpenTelemetry") as told:
        tracing.open_tracer(Tracing(endpoint="http://127.0.0.1:4318/v1/traces"), {})
    assert told.value.code == "env.missing_extra"
    assert "sonant[tracing]" in told.value.hint


def test_a_config_makes_a_tracer_with_our_names() -> None:
    made = tracing.open_tracer(Tracing(endpoint="http://127.0.0.1:9/v1/traces", share=0.0), {"model": "words"})
    assert made is not None
    assert int(made.begin("").traceparent[-2:], 16) & 1 == 0, "none are traced"
    resource = made._provider.resource.attributes  # pyright: ignore[reportPrivateUsage]
    assert (resource["service.name"], resource["sonant.model"]) == ("sonant", "words")
    made._provider.shutdown()  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"endpoint": "collector:4318"}, "endpoint"), ({"endpoint": "http://c", "share": 1.5}, "share"), ({}, "endpoint")],
)
def test_nonsense_is_refused(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        check(Tracing, wrong)
