"""What is counted and logged of a live session, whatever became of it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from sonant.edge import visit
from sonant.edge.metrics import Metrics
from sonant.edge.protocol import Output
from sonant.edge.tally import Tally


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("enhance", "calm", "1")


def counted(metrics: Metrics) -> dict[tuple[str, str], float]:
    """Values by name and outcome; nothing that is zero, and no buckets."""
    return {
        (name.removeprefix("sonant_"), labels.get("outcome", "")): value
        for _, _, _, samples in metrics.snapshot()
        for name, labels, value in samples
        if value and not name.endswith(("_bucket", "_info"))
    }


def test_a_session_is_counted_from_beginning_to_end(metrics: Metrics, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sonant.events")
    with visit.entered(visit.Visit("r1")) as here:
        tally = Tally(metrics, "r1")
        tally.begin("opened")
        for _ in range(4):
            tally.answered(0.25)
        tally.sent(bytes(8000))
        tally.sent({"type": "level"})
        tally.drained()
        tally.end(2.0, Output(format="pcm_s16le", sample_rate_hz=8000, latency_ms=0))
        tally.close("drained")
    assert counted(metrics) == {
        ("sessions_total", "drained"): 1,
        ("sessions_begun_total", "opened"): 1,
        ("chunk_lateness_seconds_count", ""): 4,
        ("chunk_lateness_seconds_sum", ""): 1.0,
        ("real_time_factor_count", ""): 1,
        ("real_time_factor_sum", ""): 0.5,
        ("audio_seconds_total", ""): 2.0,
        ("audio_out_seconds_total", ""): 0.5,
    }
    assert (here.session, here.outcome, here.audio_s, here.counted) == ("r1", "drained", 2.0, True)
    lines: list[dict[str, Any]] = [vars(record) for record in caplog.records]
    assert [line["event"] for line in lines] == ["session.opened", "session.drained"]
    assert all((line["session"], line["request_id"], line["model"]) == ("r1", "r1", "calm") for line in lines)


def test_a_session_that_goes_on_keeps_its_id(metrics: Metrics, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "sonant.events")
    tally = Tally(metrics, "r2")
    tally.session = "r1"
    tally.begin("resumed")
    [line] = [vars(record) for record in caplog.records]
    assert (line["event"], line["session"], line["request_id"]) == ("session.resumed", "r1", "r2")


@pytest.mark.parametrize(("outcome", "reject"), [("server.full", False), ("audio.undecodable", True)])
def test_one_that_never_began_was_rejected(metrics: Metrics, outcome: str, reject: bool) -> None:
    Tally(metrics, "r1").close(outcome)
    told = {("sessions_total", outcome): 1.0, ("sessions_rejected_total", outcome): 1.0}
    assert counted(metrics) == told | ({("decode_rejects_total", outcome): 1.0} if reject else {})
