"""Events on probability tracks whose right answer can be told by hand: frames of 10 ms, smoothing over four."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.errors import ModelError
from sonant.runtime.events import Event, EventBank, Events
from sonant.runtime.info import BundleInfo

Describe = Callable[..., BundleInfo]
Floats = NDArray[np.float32]

SILENCE, NO, YES = range(3)


def track(frames: int, *spans: tuple[int, int, int, float]) -> Floats:
    """logits_FK: silence, but for spans (label, first, last, probability)."""
    p_FK = np.full((frames, 3), 1e-4)
    p_FK[:, SILENCE] = 1
    for label, first, last, p in spans:
        p_FK[first:last] = (1 - p) / 2
        p_FK[first:last, label] = p
    return np.log(p_FK / p_FK.sum(1, keepdims=True)).astype(np.float32)


def heard(info: BundleInfo, logits_FK: Floats, sizes: list[int] | None = None) -> list[Event]:
    """All events, with the track pushed in pieces of these sizes."""
    events = Events(info)
    found: list[Event] = []
    start = 0
    for size in sizes or [1] * len(logits_FK):
        found += events.push(logits_FK[start : start + size])
        start += size
    return found + events.flush()


def test_one_word_is_one_event(describe: Describe) -> None:
    (event,) = heard(describe(), track(200, (YES, 50, 70, 0.9)))
    assert event.label == "yes"
    # Three of four frames at 0.9 average 0.675; the fourth, number 53, brings it over 0.7.
    assert event.t_end == pytest.approx(0.54)
    assert event.t_start == pytest.approx(0.54 - (0.1 + 0.04) / 2)
    assert event.score == pytest.approx(0.9, abs=1e-3)


def test_an_event_is_reported_one_smoothing_after_its_start(describe: Describe) -> None:
    events, logits_FK = Events(describe()), track(200, (YES, 50, 70, 0.9))
    when = [frame for frame in range(200) if events.push(logits_FK[frame : frame + 1])]
    assert when == [53 + 4]


def test_the_score_is_the_best_until_the_report(describe: Describe) -> None:
    (event,) = heard(describe(), track(200, (YES, 50, 54, 0.75), (YES, 54, 57, 0.99), (YES, 57, 70, 0.75)))
    assert event.score == pytest.approx((0.75 + 3 * 0.99) / 4, abs=1e-3)
    assert event.t_end == pytest.approx(0.57)


def test_a_blip_shorter_than_the_smoothing_is_nothing(describe: Describe) -> None:
    assert heard(describe(), track(200, (YES, 50, 52, 0.999))) == []


def test_background_is_never_an_event(describe: Describe) -> None:
    assert heard(describe(), track(200)) == []


def test_a_held_label_is_one_event_until_it_is_released(describe: Describe) -> None:
    info = describe()
    assert len(heard(info, track(400, (YES, 50, 390, 0.95)))) == 1
    dip_to_half = track(400, (YES, 50, 150, 0.95), (YES, 150, 160, 0.5), (YES, 160, 390, 0.95))
    assert len(heard(info, dip_to_half)) == 1, "0.5 is under the threshold, but not under the release"
    dip_to_silence = track(400, (YES, 50, 150, 0.95), (YES, 160, 390, 0.95))
    assert len(heard(info, dip_to_silence)) == 2


def test_a_second_start_in_the_quiet_time_is_swallowed(describe: Describe) -> None:
    info = describe()
    assert len(heard(info, track(200, (YES, 50, 60, 0.95), (YES, 66, 76, 0.95)))) == 1
    # The best frame is number 53; 20 frames of quiet after it end with 73.
    assert len(heard(info, track(200, (YES, 50, 60, 0.95), (YES, 80, 90, 0.95)))) == 2


def test_labels_do_not_silence_each_other(describe: Describe) -> None:
    found = heard(describe(), track(200, (YES, 50, 60, 0.95), (NO, 62, 72, 0.95)))
    assert [event.label for event in found] == ["yes", "no"]
    assert found[0].t_end < found[1].t_end


def test_a_stream_that_ends_reports_what_waits(describe: Describe) -> None:
    info, logits_FK = describe(), track(55, (YES, 50, 55, 0.9))
    events = Events(info)
    assert events.push(logits_FK) == []
    (event,) = events.flush()
    assert event.label == "yes"
    assert events.flush() == []


def test_nothing_starts_before_half_a_window(describe: Describe) -> None:
    info = describe(window_ms=300.0)
    (event,) = heard(info, track(100, (YES, 0, 40, 0.95)))
    assert event.t_end == pytest.approx(0.16), "the first frame that is 150 ms old"
    assert event.t_start == 0.0
    assert heard(info, track(100, (YES, 0, 12, 0.95))) == []


def test_latency_moves_times_back(describe: Describe) -> None:
    (now,) = heard(describe(), track(200, (YES, 50, 70, 0.9)))
    (late,) = heard(describe(latency=800), track(200, (YES, 50, 70, 0.9)))
    assert late.t_end == pytest.approx(now.t_end - 0.05)
    assert late.t_start == pytest.approx(now.t_start - 0.05)


def test_pieces_do_not_matter(describe: Describe) -> None:
    rng = np.random.default_rng(0)
    logits_FK = np.cumsum(rng.standard_normal((3000, 3)), axis=0).astype(np.float32) / 2
    whole = heard(describe(), logits_FK, [3000])
    assert len(whole) > 5
    sizes: list[int] = []
    while sum(sizes) < 3000:
        sizes.append(min(int(rng.integers(1, 9)), 3000 - sum(sizes)))
    assert heard(describe(), logits_FK, sizes) == whole


def test_rows_of_a_bank_are_streams_of_their_own(describe: Describe) -> None:
    info, rng = describe(), np.random.default_rng(1)
    p_RFK = rng.dirichlet(np.full(3, 0.3), (6, 600)).astype(np.float32).repeat(5, axis=1)
    bank, found, at = EventBank(info, 6), [list[Event]() for _ in range(6)], [0] * 6
    for _ in range(8000):
        rows = np.flatnonzero([place < 3000 for place in at] & (rng.random(6) < 0.5))
        if len(rows):
            frames = np.stack([p_RFK[row, at[row] : at[row] + 1] for row in rows])
            for row, events in zip(rows, bank.push(rows, frames), strict=True):
                found[row] += events
                at[row] += 1
    for row in range(6):
        alone = EventBank(info, 1)
        wanted = alone.push(np.zeros(1, np.intp), p_RFK[row : row + 1])[0] + alone.flush(0)
        assert found[row] + bank.flush(row) == wanted
        assert len(wanted) > 10


def test_a_reset_row_has_heard_nothing(describe: Describe) -> None:
    info = describe()
    bank, row, word = EventBank(info, 2), np.zeros(1, np.intp), np.exp(track(54, (YES, 50, 54, 0.95)))
    assert bank.push(row, word[None])[0] == []
    assert bank.frames(0) == 54
    bank.reset(0)
    assert bank.flush(0) == []
    assert bank.frames(0) == 0
    assert bank.push(row, np.exp(track(3, (YES, 0, 3, 0.95)))[None])[0] == []


def test_a_network_for_clips_has_no_events(describe: Describe) -> None:
    info = describe()
    graphs = {"model": info.graphs["model"]}
    with pytest.raises(ModelError, match="no live frames"):
        Events(info.model_copy(update={"graphs": graphs, "hop": None}))
