"""How many replicas are wanted: the rules one by one, and a day of sessions on a clock of our own."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from sonant.edge import scaling
from sonant.edge.scaling import LivePolicy, Load, Memory, Rules, decide, load_of, scale, wanted

RULES = Rules(free_slots=0.2, late_share=0.01, ongoing=4, up_s=2, down_s=60)
IDLE = Load(replicas=1, slots=10, sessions=0, files=0, chunks=0, late=0)


@pytest.mark.parametrize(
    ("sessions", "files", "number"),
    [(0, 0, 0), (1, 0, 1), (8, 0, 1), (9, 0, 2), (16, 0, 2), (17, 0, 3), (0, 4, 1), (0, 5, 2), (8, 4, 2), (6, 1, 1)],
)
def test_a_share_of_the_places_stays_free_and_files_count(sessions: int, files: int, number: int) -> None:
    assert wanted(replace(IDLE, sessions=sessions, files=files), RULES, Memory(), 0)[0] == number


@pytest.mark.parametrize("sessions", range(1, 100, 7))
@pytest.mark.parametrize("free", [0.0, 0.2, 0.9])
def test_there_are_never_fewer_than_hold_the_open_sessions(sessions: int, free: float) -> None:
    number, _ = wanted(replace(IDLE, sessions=sessions), replace(RULES, free_slots=free), Memory(), 0)
    assert number * IDLE.slots * (1 - free) >= sessions - 1e-6


def test_one_that_is_late_gets_help_though_places_are_free() -> None:
    calm = replace(IDLE, replicas=2, sessions=8, chunks=2000, late=20)
    assert wanted(calm, RULES, Memory(), 0)[0] == 1
    number, memory = wanted(replace(calm, late=21), RULES, Memory(), 0)
    assert number == 3
    # With three it is on time again; but two were too few for so many sessions, and one is enough for a quarter.
    assert wanted(replace(calm, replicas=3), RULES, memory, 100)[0] == 3
    assert wanted(replace(calm, replicas=3, sessions=2), RULES, memory, 100)[0] == 1
    # After a long time it is tried again.
    assert wanted(replace(calm, replicas=3), RULES, memory, 11 * RULES.down_s)[0] == 1


@pytest.mark.parametrize(("chunks", "late"), [(0, 0), (99, 99), (1, 1)])
def test_a_few_late_answers_say_nothing(chunks: float, late: float) -> None:
    assert wanted(replace(IDLE, sessions=2, chunks=chunks, late=late), RULES, Memory(), 0)[0] == 1


def test_up_is_fast_and_down_is_slow_and_to_the_most_that_was_wanted() -> None:
    memory, number = Memory(), 2
    told: list[tuple[float, int]] = []
    wants = [(0, 5), (1, 5), (1.5, 2), (2, 5), (3, 5), (4, 6), (5, 1), (30, 3), (64, 1), (65, 1), (66, 1)]
    for now, want in wants:
        number, memory = decide(number, want, memory, RULES, now)
        told.append((now, number))
    assert told == [
        (0, 2), (1, 2), (1.5, 2),  # not for two seconds in a row
        (2, 2), (3, 2), (4, 6),
        (5, 6), (30, 6), (64, 6), (65, 3), (66, 3),
    ]  # fmt: skip


def test_bounds_hold() -> None:
    quick = replace(RULES, up_s=0, down_s=0)
    many, none = replace(IDLE, sessions=500), replace(IDLE, replicas=4)
    assert scale(many, 1, (1, 4), quick, Memory(), 0)[0] == 4
    assert scale(none, 4, (1, 4), quick, Memory(), 0)[0] == 1
    assert scale(none, 4, (0, 4), quick, Memory(), 0)[0] == 0


def test_a_day_of_sessions() -> None:
    """Sessions come and go as a wave: nobody is turned away, replicas follow it down, and no change undoes another."""
    memory, number, changes = Memory(), 1, [(0.0, 1)]
    for now in range(0, 7200):
        sessions = round(30 + 30 * math.sin(2 * math.pi * (now - 1800) / 7200) + 3 * math.sin(now / 7))
        load = replace(IDLE, replicas=number, sessions=max(0, sessions))
        assert load.sessions <= number * load.slots, f"full at {now} s"
        target, memory = scale(load, number, (1, 20), RULES, memory, now)
        if target != number:
            changes.append((now, target))
        number = target
    numbers = [number for _, number in changes]
    peak = numbers.index(max(numbers))
    assert max(numbers) == 8
    assert number == 1
    assert numbers[: peak + 1] == sorted(numbers[: peak + 1])
    assert numbers[peak:] == sorted(numbers[peak:], reverse=True)


def series(*values: float) -> list[Any]:
    return [SimpleNamespace(timestamp=float(at), value=value) for at, value in enumerate(values)]


TOLD = {
    "slots": {"a": series(10, 10), "b": series(10)},
    "sessions": {"a": series(1, 9), "b": series(8)},
    "files": {"a": series(4, 0), "b": series(0)},
    "chunks": {"a": series(100, 900), "b": series(5000)},
    "late": {"a": series(50, 58), "b": series(3)},
}


def test_what_replicas_tell_is_added_up() -> None:
    assert load_of(TOLD, 3) == Load(replicas=3, slots=10, sessions=17, files=0, chunks=800, late=8)
    assert load_of({}, 3) is None
    assert load_of({"slots": {"a": []}}, 3) is None


def test_serves_context_is_understood() -> None:
    policy = LivePolicy(free_slots=0.2, late_share=0.01, ongoing=4, up_s=2, down_s=60)
    context = SimpleNamespace(
        raw_metrics=TOLD, target_num_replicas=2, current_num_replicas=2, current_time=0.0,
        capacity_adjusted_min_replicas=1, capacity_adjusted_max_replicas=5,
    )  # fmt: skip
    assert policy(context) == (2, {})
    context.current_time = 2.0
    assert policy(context) == (3, {})
    context.raw_metrics = None
    assert policy(context) == (2, {}), "nothing is known: nothing is changed"


def test_the_module_has_no_imports_of_ours() -> None:
    """Serve carries it to a controller that may not have our code."""
    with open(scaling.__file__, encoding="utf-8") as file:
        assert not [line for line in file if line.startswith(("from sonant", "import sonant", "from models"))]
