"""What replicas count becomes Prometheus text: base units, our prefix, few labels, one series for each replica."""

from __future__ import annotations

import json
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sonant.edge.metrics import Metrics, render
from sonant.errors import AudioError


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("classify", "words", "v1")


def samples(text: bytes) -> dict[tuple[str, str, str], float]:
    """Values by name, outcome and replica, buckets left out."""
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, sample.labels.get("outcome", ""), sample.labels["replica"]): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }


def test_requests_are_counted_by_how_they_ended(metrics: Metrics) -> None:
    with metrics.timed_request():
        pass
    with pytest.raises(AudioError), metrics.timed_request():
        raise AudioError("audio.empty", "nothing")
    with pytest.raises(KeyError), metrics.timed_request():
        raise KeyError("ours")
    found = samples(render({"r1": metrics.snapshot()}))
    for outcome in ("ok", "audio.empty", "server.internal"):
        assert found["sonant_requests_total", outcome, "r1"] == 1
    assert found["sonant_request_seconds_count", "", "r1"] == 3


def test_replicas_stay_apart(metrics: Metrics) -> None:
    other = Metrics("classify", "words", "v1")
    metrics.audio_seconds.inc(2)
    other.audio_seconds.inc(3)
    other.session("done")
    found = samples(render({"r1": metrics.snapshot(), "r2": other.snapshot()}))
    assert found["sonant_audio_seconds_total", "", "r1"] == 2
    assert found["sonant_audio_seconds_total", "", "r2"] == 3
    assert found["sonant_sessions_total", "done", "r2"] == 1


def test_a_snapshot_is_plain_data(metrics: Metrics) -> None:
    metrics.batch_rows.observe(4)
    assert render({"r": json.loads(json.dumps(metrics.snapshot()))}) == render({"r": metrics.snapshot()})


def test_names_and_labels_keep_the_rules(metrics: Metrics) -> None:
    metrics.request("ok", 0.1)
    metrics.refused("audio.empty")
    metrics.session("done")
    metrics.session_begun("opened")
    metrics.session_rejected("server.full")
    for family in text_string_to_metric_families(render({"r": metrics.snapshot()}).decode()):
        assert re.fullmatch(r"sonant_[a-z_]+", family.name)
        assert family.documentation
        for sample in family.samples:
            assert set(sample.labels) <= {"task", "model", "version", "engine", "outcome", "replica", "le"}
            assert not sample.name.endswith("_created")


def test_nothing_to_tell_is_empty() -> None:
    assert render({}) == b""
