"""How many replicas live sessions want. Pure functions of what is told, the clock included, and the thin form of them
that Ray Serve's controller calls. No Ray in here, and nothing of ours: Serve carries this module to its controller.

A replica's worth of work is what fills it: its places for sessions less those that are to be free, or its files at
once. When answers come late at less than that, less is a replica's worth, until that is long ago.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

_FORGET = 10
"""A load at which answers were late is remembered for so many times `down_s`."""


@dataclass(frozen=True)
class Rules:
    """What the config says."""

    free_slots: float = 0.2
    late_share: float = 0.01
    ongoing: float = 4.0
    up_s: float = 2.0
    down_s: float = 300.0


@dataclass(frozen=True)
class Load:
    """What all running replicas have to do."""

    replicas: int
    """Those that run."""
    slots: float
    """Places for live sessions on one replica."""
    sessions: float
    """Live sessions now."""
    files: float
    """Requests about files now."""
    chunks: float
    """Messages of sound in the last seconds."""
    late: float
    """Those of them whose answers took longer than their sound lasts."""


@dataclass(frozen=True)
class Memory:
    """What one decision leaves to the next."""

    full_at: float = 1.0
    """Work of one replica at which its answers are late."""
    full_since: float = -math.inf
    """When that was seen last."""
    above_since: float | None = None
    """Since when more replicas have been wanted than there are."""
    below_since: float | None = None
    """Since when fewer would do."""
    most_below: int = 0
    """Most replicas that were wanted since then."""


def work(load: Load, rules: Rules) -> float:
    """What there is to do, in replicas."""
    places = load.slots * (1 - rules.free_slots)
    return (load.sessions / places if load.sessions else 0.0) + load.files / rules.ongoing


def is_late(load: Load, rules: Rules) -> bool:
    """Whether too many answers are late. So few that one would be too many say nothing."""
    return load.chunks * rules.late_share >= 1 and load.late > load.chunks * rules.late_share


def wanted(load: Load, rules: Rules, memory: Memory, now: float) -> tuple[int, Memory]:
    """The replicas that this load wants, at once and without bounds."""
    amount = work(load, rules)
    if now - memory.full_since > _FORGET * rules.down_s:
        memory = replace(memory, full_at=1.0)
    if load.replicas and amount and is_late(load, rules):
        each = min(memory.full_at, amount / load.replicas)
        memory = replace(memory, full_at=each, full_since=now)
    enough = math.ceil(round(amount, 9))
    if memory.full_at < 1:
        # At `full_at` it was late: each replica must have less than that.
        enough = max(enough, math.floor(round(amount / memory.full_at, 9)) + 1)
    return (enough if amount else 0), memory


def decide(target: int, want: int, memory: Memory, rules: Rules, now: float) -> tuple[int, Memory]:
    """The new number of replicas: up after `up_s`, down after `down_s` to the most that was wanted meanwhile."""
    if want > target:
        since = now if memory.above_since is None else memory.above_since
        if now - since >= rules.up_s:
            return want, replace(memory, above_since=None, below_since=None)
        return target, replace(memory, above_since=since, below_since=None)
    if want == target:
        return target, replace(memory, above_since=None, below_since=None)
    since = now if memory.below_since is None else memory.below_since
    most = want if memory.below_since is None else max(want, memory.most_below)
    if now - since >= rules.down_s:
        return most, replace(memory, above_since=None, below_since=None)
    return target, replace(memory, above_since=None, below_since=since, most_below=most)


def scale(
    load: Load, target: int, bounds: tuple[int, int], rules: Rules, memory: Memory, now: float
) -> tuple[int, Memory]:
    """One decision: the number of replicas between the bounds, and what to remember. Never fewer than hold the open
    sessions, as far as the bounds allow it."""
    want, memory = wanted(load, rules, memory, now)
    return decide(target, min(max(want, bounds[0]), bounds[1]), memory, rules, now)


# ---- Ray Serve ------------------------------------------------------------------------------------------------------

_Series = Sequence[Any]
"""Points with a `value`, in the order of time: what a replica has told in the last seconds."""


def load_of(told: Mapping[str, Mapping[Any, _Series]], replicas: int) -> Load | None:
    """What the replicas have told (`Replica.record_autoscaling_stats`) as one load; None: none has told anything."""

    def each(name: str, value: Callable[[_Series], float]) -> list[float]:
        return [value(series) for series in told.get(name, {}).values() if series]

    def last(series: _Series) -> float:
        return float(series[-1].value)

    def grown(series: _Series) -> float:
        return float(series[-1].value - series[0].value)

    slots = each("slots", last)
    if not slots:
        return None
    return Load(
        replicas=replicas,
        slots=sum(slots) / len(slots),
        sessions=sum(each("sessions", last)),
        files=sum(each("files", last)),
        chunks=sum(each("chunks", grown)),
        late=sum(each("late", grown)),
    )


class LivePolicy:
    """What Ray Serve's controller asks, several times a second and for each deployment one of its own."""

    def __init__(self, **rules: float) -> None:
        self._rules = Rules(**rules)
        self._memory = Memory()

    def __call__(self, context: Any) -> tuple[int, dict[str, Any]]:
        """The number of replicas, for Serve's context. Waiting requests wake the first one: Serve sees to that."""
        target = int(context.target_num_replicas)
        load = load_of(context.raw_metrics or {}, int(context.current_num_replicas))
        if load is None:
            return target, {}
        bounds = (int(context.capacity_adjusted_min_replicas), int(context.capacity_adjusted_max_replicas))
        number, self._memory = scale(load, target, bounds, self._rules, self._memory, float(context.current_time))
        return number, {}
