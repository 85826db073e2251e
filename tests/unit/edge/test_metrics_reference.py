"""docs/metrics.md is what the code would write now, and the metrics that it lists keep the rules."""

from __future__ import annotations

import re
from pathlib import Path

from sonant.edge import metrics_reference
from sonant.edge.metrics import Metrics

DOCS = Path(__file__).parents[3] / "docs"
ALLOWED = {"task", "model", "version", "engine", "outcome"}
"""Never a session, a key or a speaker: they would be new series without end, and tell who was there."""


def test_the_document_is_up_to_date() -> None:
    assert (DOCS / "metrics.md").read_text(encoding="ascii") == metrics_reference.text(), "run `make docs`"


def test_every_family_is_listed_and_keeps_the_rules() -> None:
    listed = set(re.findall(r"^\| `(sonant_\w+)` \|", (DOCS / "metrics.md").read_text(encoding="ascii"), re.M))
    metrics = metrics_reference.families()
    assert {one.name for one in metrics} == listed
    assert len(metrics) == len(list(Metrics("t", "m", "v").registry.collect())) + 1  # a shadow has its own
    for one in metrics:
        assert set(one.labels) <= ALLOWED, one.name
        assert one.name.endswith("_total") == (one.kind == "counter"), one.name
        if one.kind == "histogram":
            assert one.name.endswith(("_seconds", "_rows", "_factor")), f"{one.name}: base units in the name"


def test_what_the_platform_promises_is_there() -> None:
    """anchors 2.5: requests, sound both ways, queue, compute and total, lateness, real time, slots, sessions, rejects,
    bundles."""
    promised = {
        "sonant_requests_total", "sonant_audio_seconds_total", "sonant_audio_out_seconds_total", "sonant_queue_seconds",
        "sonant_compute_seconds", "sonant_request_seconds", "sonant_chunk_lateness_seconds", "sonant_real_time_factor",
        "sonant_slots_used", "sonant_slots", "sonant_sessions_begun_total", "sonant_sessions_lost_total",
        "sonant_sessions_rejected_total", "sonant_decode_rejects_total", "sonant_bundle_info",
    }  # fmt: skip
    assert promised <= {one.name for one in metrics_reference.families()}
