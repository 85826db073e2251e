"""Composite measures (Hu & Loizou 2008, doi:10.1109/TASL.2007.911054): regressions on what listeners said, 1 to 5."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonant.metrics.llr import llr
from sonant.metrics.pesq import pesq
from sonant.metrics.snr import segmental_snr
from sonant.metrics.wss import wss

Floats = NDArray[np.floating]


class Composite(NamedTuple):
    """NaN where one of the parts is."""

    csig: float
    """Distortion of the speech."""
    cbak: float
    """Intrusiveness of the background."""
    covl: float
    """Overall."""


class Parts(NamedTuple):
    """What the regressions are over."""

    pesq: float
    llr: float
    wss: float
    segmental_snr: float


def parts(estimate_N: Floats, target_N: Floats, rate_hz: int) -> Parts:
    """All four, each of the same two waves."""
    given = (estimate_N, target_N, rate_hz)
    return Parts(pesq(*given), llr(*given), wss(*given), segmental_snr(*given))


def composite(of: Parts) -> Composite:
    """The three scores; PESQ is the wide-band one, as in all that is published for 16 kHz."""
    csig = 3.093 - 1.029 * of.llr + 0.603 * of.pesq - 0.009 * of.wss
    cbak = 1.634 + 0.478 * of.pesq - 0.007 * of.wss + 0.063 * of.segmental_snr
    covl = 1.594 + 0.805 * of.pesq - 0.512 * of.llr - 0.007 * of.wss
    return Composite(*(float(np.clip(score, 1.0, 5.0)) for score in (csig, cbak, covl)))
