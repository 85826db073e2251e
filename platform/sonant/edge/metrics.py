"""Counters and histograms of one replica, and the Prometheus text of many.

Each replica keeps its own registry; `snapshot` is what it hands to the home application, and `render` joins the
snapshots of all replicas with a `replica` label. They are not summed: a sum falls when a replica leaves, which
Prometheus would read as a reset. Labels are only task, model, version, engine, outcome and replica: never who was
asking. docs/metrics.md is made from this (`edge.metrics_reference`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import ClientDisconnect

from sonant.edge import visit
from sonant.errors import SonantError

Family = tuple[str, str, str, list[tuple[str, dict[str, str], float]]]
"""Name, help, type, samples (name, labels, value)."""
Snapshot = list[Family]
"""Families of one replica. Plain data, so it travels anywhere."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_FACTORS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
_LABELS = ("task", "model", "version")


class Metrics:
    """What one replica of an application counts."""

    def __init__(self, task: str, model: str, version: str) -> None:
        self.registry = CollectorRegistry()
        self._values = (task, model, version)
        self.labels: dict[str, str] = dict(zip(_LABELS, self._values, strict=True))
        self._requests = self._outcomes("sonant_requests", "Answered requests: ok, gone (the client left), or a code.")
        self._rejects = self._outcomes(
            "sonant_decode_rejects",
            "Recordings and live streams that were refused as sound, by code: audio.too_long, ...",
        )
        self._sessions = self._outcomes(
            "sonant_sessions", "Ended live sessions: done, gone, drained, or the code of the error."
        )
        self._begun = self._outcomes("sonant_sessions_begun", "Live sessions that began: opened, or resumed.")
        self._rejected = self._outcomes(
            "sonant_sessions_rejected", "Live sessions that were not let in or never began, by code."
        )
        self.sessions_lost = self._counter("sonant_sessions_lost", "Sessions that were asked for and are not kept.")
        self.snapshots_failed = self._counter("sonant_snapshots_failed", "Records of sessions that were not written.")
        self.snapshot_seconds = self._histogram("sonant_snapshot_seconds", "Writing one session's record.", _LATENCY_S)
        self.drain_seconds = self._histogram(
            "sonant_drain_seconds", "From notice to the last session's end.", _LATENCY_S
        )
        self.request_seconds = self._histogram("sonant_request_seconds", "From first byte in to answer.", _LATENCY_S)
        self.queue_seconds = self._histogram(
            "sonant_queue_seconds", "Of a request: waiting for a place or for the network.", _LATENCY_S
        )
        self.decode_seconds = self._histogram(
            "sonant_decode_seconds", "Of a request: from bytes to samples.", _LATENCY_S
        )
        self.compute_seconds = self._histogram(
            "sonant_compute_seconds",
            "Of a request: the network; a call that several share counts for all.",
            _LATENCY_S,
        )
        self.real_time_factor = self._histogram(
            "sonant_real_time_factor",
            "Work for a second of sound: decoding, network and answer of a request, or a session's chunks.",
            _FACTORS,
        )
        self.graph_seconds = self._histogram("sonant_graph_seconds", "One call of the clip graph.", _LATENCY_S)
        self.step_seconds = self._histogram("sonant_step_seconds", "One call of the stream graph.", _LATENCY_S)
        self.lateness_seconds = self._histogram(
            "sonant_chunk_lateness_seconds", "From a live chunk's arrival to its answer.", _LATENCY_S
        )
        self.chunks_late = self._counter(
            "sonant_chunks_late", "Live chunks whose answers took longer than their sound lasts."
        )
        self.batch_rows = self._histogram("sonant_batch_rows", "Clips in one call of the clip graph.", _ROWS)
        self.step_rows = self._histogram("sonant_step_rows", "Sessions in one call of the stream graph.", _ROWS)
        self.audio_seconds = self._counter("sonant_audio_seconds", "Sound taken in.")
        self.audio_out_seconds = self._counter("sonant_audio_out_seconds", "Sound given back.")
        self.slots_used = self._gauge("sonant_slots_used", "Live sessions now.")
        self.slots_total = self._gauge("sonant_slots", "Live sessions that fit.")
        self.requests_now = self._gauge("sonant_requests_now", "Requests that are worked on.")
        self.ongoing = 0
        """The same as a number."""
        self._bundle = Gauge(
            "sonant_bundle_info", "1 for each replica that serves the bundle, with what it runs on.",
            (*_LABELS, "engine"), registry=self.registry,
        )  # fmt: skip
        self.runs_on("onnxruntime")

    def runs_on(self, engine: str) -> None:
        """What runs the bundle, once it is known more closely; one of onnxruntime's providers, or another engine."""
        name = engine.removesuffix("ExecutionProvider")
        self._bundle.clear()
        self._bundle.labels(*self._values, engine if name == engine else f"onnxruntime-{name.lower()}").set(1)

    def heard(self, seconds: float) -> None:
        """So much sound has come in and was answered."""
        self.audio_seconds.inc(seconds)
        visit.here().audio_s += seconds

    def request(self, outcome: str, seconds: float) -> None:
        """A request that was worked on is over."""
        self.refused(outcome)
        self.request_seconds.observe(seconds)

    def refused(self, outcome: str) -> None:
        """A request is over, or was not even begun with."""
        self._requests.labels(*self._values, outcome).inc()
        self._reject(outcome)

    def session(self, outcome: str) -> None:
        self._sessions.labels(*self._values, outcome).inc()
        self._reject(outcome)

    def session_begun(self, outcome: str) -> None:
        self._begun.labels(*self._values, outcome).inc()

    def session_rejected(self, outcome: str) -> None:
        self._rejected.labels(*self._values, outcome).inc()

    @contextmanager
    def timed_request(self) -> Generator[None]:
        """Counts one request: how it ended, and where its time went."""
        with visit.entered() as here:
            start = time.perf_counter()
            outcome = "server.internal"
            self._work(1)
            try:
                yield
                outcome = here.outcome or "ok"
            except SonantError as error:
                outcome = error.code
                raise
            except (ClientDisconnect, asyncio.CancelledError):
                outcome = "gone"
                raise
            finally:
                self._work(-1)
                here.outcome, here.counted, here.labels = outcome, True, self.labels
                self.request(outcome, time.perf_counter() - start)
                self._spent(here)

    def worked(self, seconds: float, audio_s: float) -> None:
        """So much work was done for so much sound."""
        if audio_s > 0:
            self.real_time_factor.observe(seconds / audio_s)

    def _spent(self, here: visit.Visit) -> None:
        stages: tuple[tuple[Histogram, visit.Stage], ...] = (
            (self.queue_seconds, "queue"),
            (self.decode_seconds, "decode"),
            (self.compute_seconds, "graph"),
        )
        for histogram, stage in stages:
            if (seconds := here.spent(stage)) is not None:
                histogram.observe(seconds)
        if (work_s := here.spent("decode", "graph", "answer")) is not None:
            self.worked(work_s, here.audio_s)

    def _reject(self, outcome: str) -> None:
        if outcome.startswith("audio."):
            self._rejects.labels(*self._values, outcome).inc()

    def _work(self, more: int) -> None:
        self.ongoing += more
        self.requests_now.set(self.ongoing)

    def snapshot(self) -> Snapshot:
        return [
            (
                family.name,
                family.documentation,
                family.type,
                [
                    (sample.name, dict(sample.labels), sample.value)
                    for sample in family.samples
                    if not sample.name.endswith("_created")
                ],
            )
            for family in self.registry.collect()
        ]

    def _histogram(self, name: str, about: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(name, about, _LABELS, buckets=buckets, registry=self.registry).labels(*self._values)

    def _outcomes(self, name: str, about: str) -> Counter:
        return Counter(name, about, (*_LABELS, "outcome"), registry=self.registry)

    def _counter(self, name: str, about: str) -> Counter:
        return Counter(name, about, _LABELS, registry=self.registry).labels(*self._values)

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(name, about, _LABELS, registry=self.registry).labels(*self._values)


class _Joined(Collector):
    def __init__(self, snapshots: Mapping[str, Snapshot]) -> None:
        self._snapshots = snapshots

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for replica, snapshot in self._snapshots.items():
            for name, about, kind, samples in snapshot:
                family = families.setdefault(name, Metric(name, about, kind))
                for sample, labels, value in samples:
                    family.add_sample(sample, {**labels, "replica": replica}, value)
        yield from families.values()


def render(snapshots: Mapping[str, Snapshot]) -> bytes:
    """The Prometheus text of several replicas, by their names."""
    registry = CollectorRegistry()
    registry.register(_Joined(snapshots))
    return generate_latest(registry)
