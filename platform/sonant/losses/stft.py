"""Sizes of spectra at several resolutions (Yamamoto et al. 2020, arXiv:1910.11480, eqs. 3 to 6).

It hears neither phase nor polarity. Letters: B batch, N samples, F bins, T frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from sonant.losses.spectrum import spectrum

RESOLUTIONS = ((512, 50, 240), (1024, 120, 600), (2048, 240, 1200))
"""Transform, hop and Hann window, in samples."""
_FLOOR = 1e-5
"""Power that every bin has at least: waves are about as large as their level, which is 1."""


def multi_stft(
    estimate_BN: Tensor,
    target_BN: Tensor,
    samples_B: Tensor | None = None,
    *,
    resolutions: Sequence[tuple[int, int, int]] = RESOLUTIONS,
) -> Tensor:
    """Of each item, (B,): spectral convergence, over the norm of the item's own target, and the mean distance of log
    sizes, together, as a mean over resolutions. A target of zeros gives a number that means nothing."""
    parts = [_one(estimate_BN, target_BN, samples_B, *resolution) for resolution in resolutions]
    return torch.stack(parts).mean(0)


def _one(estimate_BN: Tensor, target_BN: Tensor, samples_B: Tensor | None, fft: int, hop: int, window: int) -> Tensor:
    given, wanted = (
        spectrum(wav_BN, samples_B, fft=fft, hop=hop, window=window) for wav_BN in (estimate_BN, target_BN)
    )
    given_BFT, wanted_BFT = (
        torch.sqrt(torch.view_as_real(each.spec_BFT).square().sum(-1) + _FLOOR) for each in (given, wanted)
    )
    error_B = wanted.total((wanted_BFT - given_BFT).square())
    # The root of zero has no gradient; what is added to both is far below what anybody hears.
    convergence_B = torch.sqrt((error_B + _FLOOR) / (wanted.total(wanted_BFT.square()) + _FLOOR))
    return convergence_B + wanted.mean((wanted_BFT.log() - given_BFT.log()).abs())
