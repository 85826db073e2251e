"""All figures of one extracted mixture: a pure function of waves, to be mapped over as many processes as there are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.composite import Composite, Parts, composite, parts
from sonant.metrics.extraction import confused, depth_db
from sonant.metrics.pesq import pesq
from sonant.metrics.si_sdr import si_sdr, si_sdr_improvement
from sonant.metrics.snr import snr
from sonant.metrics.stoi import stoi

Floats = NDArray[np.floating]
Figures = dict[str, float | None]
"""By name. None: it was to be had and could not; a name that is missing says nothing about such an item."""

SILENT_DB = 20.0
"""An output so far under its mixture counts as silent."""


@dataclass(frozen=True)
class Heard:
    """What there was, what was wanted, and what came out; all of one length. Letters: N samples, K other voices."""

    estimate_N: Floats
    target_N: Floats
    mix_N: Floats
    others_KN: Floats
    rate_hz: int
    present: bool = True

    @cached_property
    def parts(self) -> Parts:
        return parts(self.estimate_N, self.target_N, self.rate_hz)

    @cached_property
    def composite(self) -> Composite:
        return composite(self.parts)


_Metric = Callable[[Heard], float | bool | None]

WITH_TARGET: dict[str, _Metric] = {
    "si_sdr": lambda heard: si_sdr(heard.estimate_N, heard.target_N),
    "si_sdr_mixture": lambda heard: si_sdr(heard.mix_N, heard.target_N),
    "si_sdri": lambda heard: si_sdr_improvement(heard.estimate_N, heard.target_N, heard.mix_N),
    "snr": lambda heard: snr(heard.estimate_N, heard.target_N),
    "stoi": lambda heard: stoi(heard.estimate_N, heard.target_N, heard.rate_hz),
    "estoi": lambda heard: stoi(heard.estimate_N, heard.target_N, heard.rate_hz, extended=True),
    "pesq": lambda heard: pesq(heard.estimate_N, heard.target_N, heard.rate_hz),
    "segmental_snr": lambda heard: heard.parts.segmental_snr,
    "llr": lambda heard: heard.parts.llr,
    "wss": lambda heard: heard.parts.wss,
    "csig": lambda heard: heard.composite.csig,
    "cbak": lambda heard: heard.composite.cbak,
    "covl": lambda heard: heard.composite.covl,
    "confused": lambda heard: confused(heard.estimate_N, heard.target_N, heard.others_KN),
}
"""Of items in which the wanted speaker speaks. `confused` is 0 or 1, and needs another voice."""

WITHOUT_TARGET: dict[str, _Metric] = {
    "absent_db": lambda heard: depth_db(heard.estimate_N, heard.mix_N),
    "absent_silent": lambda heard: depth_db(heard.estimate_N, heard.mix_N) >= SILENT_DB,
}
"""Of items in which the wanted speaker is silent."""

METRICS = (*WITH_TARGET, *WITHOUT_TARGET)
FAST = ("si_sdr", "si_sdr_mixture", "si_sdri", "snr", "confused", "absent_db", "absent_silent")
"""Those that need no further package, and a millisecond."""


def score_item(heard: Heard, metrics: Sequence[str] = FAST) -> Figures:
    """The chosen figures that apply to the item. EnvError where a package is missing that one of them needs."""
    assert set(metrics) <= set(METRICS), "names of METRICS"
    table = WITH_TARGET if heard.present else WITHOUT_TARGET
    alone = not any(other_N.any() for other_N in heard.others_KN)
    wanted = [name for name in metrics if name in table and not (name == "confused" and alone)]
    return {name: _number(table[name](heard)) for name in wanted}


def _number(value: float | bool | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
