"""Counters and histograms of one replica, and the Prometheus text of many.

Each replica keeps its own registry; `snapshot` is what it hands to the home application, and `render` joins the
snapshots of all replicas with a `replica` label. They are not summed: a sum falls when a replica leaves, which
Prometheus would read as a reset. Labels are only task, model, version, outcome and replica: never who was asking.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sonant.errors import SonantError

Family = tuple[str, str, str, list[tuple[str, dict[str, str], float]]]
"""Name, help, type, samples (name, labels, value)."""
Snapshot = list[Family]
"""Families of one replica. Plain data, so it travels anywhere."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_LABELS = ("task", "model", "version")


class Metrics:
    """What one replica of an application counts."""

    def __init__(self, task: str, model: str, version: str) -> None:
        self.registry = CollectorRegistry()
        self._values = (task, model, version)
        self._requests = Counter(
            "sonant_requests", "Answered requests by outcome: ok, or the error code.", (*_LABELS, "outcome"),
            registry=self.registry,
        )  # fmt: skip
        self._sessions = Counter(
            "sonant_sessions", "Ended live sessions by outcome: done, gone, or the error code.", (*_LABELS, "outcome"),
            registry=self.registry,
        )  # fmt: skip
        self._begun = Counter(
            "sonant_sessions_begun", "Live sessions that began: opened, or resumed.", (*_LABELS, "how"),
            registry=self.registry,
        )  # fmt: skip
        self._rejected = Counter(
            "sonant_sessions_rejected", "Live sessions that were not let in, by error code.", (*_LABELS, "outcome"),
            registry=self.registry,
        )  # fmt: skip
        self.sessions_lost = self._counter("sonant_sessions_lost", "Sessions that were asked for and are not kept.")
        self.snapshots_failed = self._counter("sonant_snapshots_failed", "Records of sessions that were not written.")
        self.snapshot_seconds = self._histogram("sonant_snapshot_seconds", "Writing one session's record.", _LATENCY_S)
        self.drain_seconds = self._histogram(
            "sonant_drain_seconds", "From notice to the last session's end.", _LATENCY_S
        )
        self.request_seconds = self._histogram("sonant_request_seconds", "From first byte in to answer.", _LATENCY_S)
        self.graph_seconds = self._histogram("sonant_graph_seconds", "One call of the clip graph.", _LATENCY_S)
        self.step_seconds = self._histogram("sonant_step_seconds", "One call of the stream graph.", _LATENCY_S)
        self.lateness_seconds = self._histogram(
            "sonant_chunk_lateness_seconds", "From a live chunk's arrival to its answer.", _LATENCY_S
        )
        self.batch_rows = self._histogram("sonant_batch_rows", "Clips in one call of the clip graph.", _ROWS)
        self.step_rows = self._histogram("sonant_step_rows", "Sessions in one call of the stream graph.", _ROWS)
        self.audio_seconds = self._counter("sonant_audio_seconds", "Audio taken in.")
        self.slots_used = self._gauge("sonant_slots_used", "Live sessions now.")
        self.slots_total = self._gauge("sonant_slots", "Live sessions that fit.")
        self._gauge("sonant_bundle_info", "1 for each replica that serves the bundle.").set(1)

    def request(self, outcome: str, seconds: float) -> None:
        self._requests.labels(*self._values, outcome).inc()
        self.request_seconds.observe(seconds)

    def session(self, outcome: str) -> None:
        self._sessions.labels(*self._values, outcome).inc()

    def session_begun(self, how: str) -> None:
        self._begun.labels(*self._values, how).inc()

    def session_rejected(self, outcome: str) -> None:
        self._rejected.labels(*self._values, outcome).inc()

    @contextmanager
    def timed_request(self) -> Generator[None]:
        """Counts one request and how it ended."""
        start = time.perf_counter()
        outcome = "server.internal"
        try:
            yield
            outcome = "ok"
        except SonantError as error:
            outcome = error.code
            raise
        finally:
            self.request(outcome, time.perf_counter() - start)

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
