"""How a candidate's answers differ from those that were given: measures of one answer, and their spread over many.

agreement     1: the same label; of segments and events, the share of them that both tell
probability   largest difference of a label's probability
level_db      difference of levels of two sounds
si_sdr_db     how alike they are: SI-SDR of the candidate's against the champion's (Le Roux et al. 2019, eq. 5)
champion_s, candidate_s   time of an answer
"""

from __future__ import annotations

import math
import random
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sonant.config.rollout import Rule

Measures = dict[str, float]
Told = Mapping[str, Any]
"""An answer or a message as JSON has it."""

_KEPT = 512
"""Values that a percentile is taken of: a fair choice among all."""
_NEAR_S = 0.25
"""Events of one label are the same when they are no further apart."""
_MOST_DB = 120.0


def of_answers(given: Told, tried: Told) -> Measures:
    """Two JSON answers to one recording."""
    for name in ("label", "emotion"):
        if name in given:
            return {"agreement": float(given[name] == tried[name]), **_of_probabilities(given, tried)}
    if "segments" in given:
        return {"agreement": overlap(given["segments"], tried["segments"])}
    return {}


def _of_probabilities(given: Told, tried: Told) -> Measures:
    one, other = _probabilities(given), _probabilities(tried)
    both = one.keys() & other.keys()
    return {"probability": max(abs(one[name] - other[name]) for name in both)} if both else {}


def _probabilities(answer: Told) -> dict[str, float]:
    if "probabilities" in answer:
        return dict(answer["probabilities"])
    return {one["label"]: one["score"] for one in cast(Sequence[Told], answer.get("scores", ()))}


def overlap(given: Sequence[Told], tried: Sequence[Told]) -> float:
    """Time in which both hear a label, by the time in which any does; 1 where nobody hears anything."""
    both_s = any_s = 0.0
    for label in {one["label"] for one in (*given, *tried)}:
        one, other = (_stretches(some, label) for some in (given, tried))
        shared = sum(max(0.0, min(b, d) - max(a, c)) for a, b in one for c, d in other)
        both_s += shared
        any_s += sum(b - a for a, b in (*one, *other)) - shared
    return 1.0 if any_s <= 0 else both_s / any_s


def _stretches(segments: Iterable[Told], label: str) -> list[tuple[float, float]]:
    return [(one["t_start"], one["t_end"]) for one in segments if one["label"] == label]


def of_events(given: Sequence[Told], tried: Sequence[Told]) -> Measures:
    """The events of two live sessions: those that both tell, by the mean of how many each tells."""
    left, shared = list(tried), 0
    for event in given:
        near = [
            one for one in left
            if one["label"] == event["label"] and abs(one["t_start"] - event["t_start"]) <= _NEAR_S
        ]  # fmt: skip
        if near:
            shared += 1
            left.remove(near[0])
    told = len(given) + len(tried)
    return {"agreement": 1.0 if told == 0 else 2 * shared / told}


@dataclass
class Alike:
    """Two sounds, compared piece by piece: only sums are kept."""

    samples: int = 0
    given: float = 0.0
    tried: float = 0.0
    both: float = 0.0

    def add(self, given_N: NDArray[Any], tried_N: NDArray[Any]) -> None:
        """Pieces of the same length from the same place."""
        one, other = given_N.astype(np.float64), tried_N.astype(np.float64)
        self.samples += len(one)
        self.given += float(one @ one)
        self.tried += float(other @ other)
        self.both += float(one @ other)

    def measures(self) -> Measures:
        """What they come to; of silence nothing can be told."""
        if self.given <= 0 or self.tried <= 0:
            return {}
        target = self.both**2 / self.given
        rest = max(self.tried - target, 1e-12 * self.tried)
        si_sdr = 10 * math.log10(max(target, 1e-12 * self.tried) / rest)
        return {
            "level_db": 10 * math.log10(self.tried / self.given),
            "si_sdr_db": min(_MOST_DB, max(-_MOST_DB, si_sdr)),
        }


@dataclass
class Spread:
    """Some values: how many, their mean, and a fair choice of them."""

    count: int = 0
    total: float = 0.0
    kept: list[float] = field(default_factory=list[float])

    def add(self, value: float) -> None:
        """One more."""
        self.count += 1
        self.total += value
        if len(self.kept) < _KEPT:
            self.kept.append(value)
        elif (at := random.randrange(self.count)) < _KEPT:
            self.kept[at] = value

    def told(self) -> dict[str, float]:
        """What a report says of it."""
        p5, p50, p95 = (float(value) for value in np.percentile(self.kept, (5, 50, 95)))
        return {"count": self.count, "mean": self.total / self.count, "p5": p5, "p50": p50, "p95": p95}


class Comparison:
    """What one replica has compared; used by several threads."""

    def __init__(self) -> None:
        self._alone = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._spreads: dict[str, Spread] = {}

    def add(self, measures: Mapping[str, float]) -> None:
        """One answer that both gave."""
        with self._alone:
            self._counts["compared"] += 1
            for name, value in measures.items():
                self._spreads.setdefault(name, Spread()).add(value)

    def count(self, outcome: str) -> None:
        """One that is not compared: failed (the candidate did), dropped (no room) or skipped (it cannot be)."""
        with self._alone:
            self._counts[outcome] += 1

    def wire(self) -> dict[str, Any]:
        """Plain data, for `report`."""
        with self._alone:
            spreads = {name: [one.count, one.total, list(one.kept)] for name, one in self._spreads.items()}
            return {"counts": dict(self._counts), "spreads": spreads}


def report(wires: Iterable[Mapping[str, Any]], rule: Rule) -> dict[str, Any]:
    """What several replicas have compared, as one; and what a candidate lacks to be promoted."""
    counts: Counter[str] = Counter(compared=0, failed=0, dropped=0, skipped=0)
    spreads: dict[str, Spread] = {}
    for wire in wires:
        counts.update(wire["counts"])
        for name, (count, total, kept) in wire["spreads"].items():
            one = spreads.setdefault(name, Spread())
            one.count, one.total, one.kept = one.count + count, one.total + total, one.kept + kept
    measures = {name: one.told() for name, one in sorted(spreads.items())}
    lacks = _lacks(counts, measures, rule)
    return {**counts, "measures": measures, "ready": not lacks, "lacks": lacks}


def _lacks(counts: Mapping[str, int], measures: Mapping[str, Mapping[str, float]], rule: Rule) -> list[str]:
    compared, failed = counts["compared"], counts["failed"]
    found: list[str] = []
    if compared < rule.least:
        found.append(f"{compared} answers were compared, at least {rule.least} are asked for")
    if failed > rule.failed * (compared + failed):
        found.append(f"it failed {failed} of {compared + failed} times")
    if "agreement" in measures and measures["agreement"]["mean"] < rule.agreement:
        found.append(f"it agrees in {measures['agreement']['mean']:.3f}, {rule.agreement:g} are asked for")
    if "level_db" in measures and abs(measures["level_db"]["mean"]) > rule.level_db:
        found.append(f"its sound is {measures['level_db']['mean']:+.1f} dB, {rule.level_db:g} dB are allowed")
    if "candidate_s" in measures and measures["candidate_s"]["p95"] > rule.slower * measures["champion_s"]["p95"]:
        times = measures["candidate_s"]["p95"] / measures["champion_s"]["p95"]
        found.append(f"it takes {times:.1f} times as long, {rule.slower:g} are allowed")
    return found
