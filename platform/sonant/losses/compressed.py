"""Complex spectra whose sizes are compressed as ears do (Braun & Tashev 2020, arXiv:2009.12286, eq. 6).

It hears phase and polarity, and soft sounds beside loud ones. Letters: B batch, N samples, F bins, T frames.
"""

from __future__ import annotations

import torch
from torch import Tensor

from sonant.losses.spectrum import spectrum

_FFT, _HOP = 512, 128
_COMPLEX = 0.3
"""Share of the complex distance; the distance of sizes has the rest."""
_FLOOR = 1e-4
"""Power that every bin has at least, for a gradient that is finite at zero: the level of waves is about 1."""


def compressed(
    estimate_BN: Tensor, target_BN: Tensor, samples_B: Tensor | None = None, *, power: float = 0.3
) -> Tensor:
    """Mean square distance of each item, (B,), of spectra whose sizes are taken to `power`: of the complex ones, and of
    sizes alone. A target of zeros is compared like any other."""
    given, wanted = (
        spectrum(wav_BN, samples_B, fft=_FFT, hop=_HOP, window=_FFT) for wav_BN in (estimate_BN, target_BN)
    )
    given_BFT, given_size_BFT = _compress(given.spec_BFT, power)
    wanted_BFT, wanted_size_BFT = _compress(wanted.spec_BFT, power)
    apart_BFT = torch.view_as_real(given_BFT - wanted_BFT).square().sum(-1)
    sizes_BFT = (given_size_BFT - wanted_size_BFT).square()
    return _COMPLEX * wanted.mean(apart_BFT) + (1 - _COMPLEX) * wanted.mean(sizes_BFT)


def _compress(spec_BFT: Tensor, power: float) -> tuple[Tensor, Tensor]:
    """Spectra, and their sizes."""
    square_BFT = torch.view_as_real(spec_BFT).square().sum(-1) + _FLOOR
    return spec_BFT * square_BFT ** ((power - 1) / 2), square_BFT ** (power / 2)
