"""Scales of a chart: from values to places, and the round numbers to mark."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

_ROUND = (1, 2, 2.5, 5, 10)

_LEAST = math.ulp(0.0)
"""The smallest number above 0: where a logarithmic axis ends at the latest."""


@dataclass(frozen=True)
class Axis:
    """Values low..high shown at start..stop (in the picture's units)."""

    low: float
    high: float
    start: float
    stop: float
    log: bool = False

    def at(self, value: float) -> float:
        """Where a value is shown."""
        low, high, value = (math.log(x) if self.log else x for x in (self.low, self.high, value))
        return self.start + (self.stop - self.start) * (value - low) / (high - low)

    def ticks(self, count: int = 5) -> list[float]:
        """Round values inside the range; about `count` of them."""
        if self.log:
            return _log_ticks(self.low, self.high)
        raw = (self.high - self.low) / count
        size = 10 ** math.floor(math.log10(raw))
        step = size * next(part for part in _ROUND if part * size >= raw * 0.999)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [index * step for index in range(first, last + 1)]


def spanning(values: Iterable[float], start: float, stop: float, *, log: bool = False, zero: bool = False) -> Axis:
    """An axis that shows all values (the finite ones) with a little room; `zero`: from 0 on."""
    known = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    low, high = (min(known), max(known)) if known else (1.0, 2.0) if log else (0.0, 1.0)
    if log:
        room = math.exp(max(0.05 * (math.log(high) - math.log(low)), 0.05))
        return Axis(max(low / room, _LEAST), min(high * room, sys.float_info.max), start, stop, log=True)
    low = min(low, 0.0) if zero else low
    room = 0.05 * (high - low) or 0.5 * abs(high) or 0.5
    return Axis(low if zero and low == 0 else low - room, high + room, start, stop)


def _log_ticks(low: float, high: float) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 5)):
        found = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
        if len(found) >= 3:
            return found
    return found or [low, high]
