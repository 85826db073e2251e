"""The shape of a power spectrum in ten numbers, each scaled to a range of a few units.

Frequencies are octaves above 1 kHz and ratios are powers of ten, so that a step of one means about the same in all.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.frontend.compress import FLOOR

OCTAVES = 6
ROLL_OFF = 0.85
MIN_FFT = 8 << OCTAVES
"""Shortest transform that has four bins below the lowest octave: two peaks, two valleys."""
EXTREME = 0.2
"""Share of a band's bins that are its peaks, and its valleys."""


def octaves(hz: Tensor) -> Tensor:
    """Octaves above 1 kHz, with 50 Hz added so that 0 Hz is no more than 4.3 octaves below."""
    return torch.log2((hz + 50.0) / 1000.0)


class Shape(nn.Module):
    """[B, bins, T] -> [B, 10, T].

    Row 0: centroid of magnitude, in octaves. 1 to 7: spectral contrast (Jiang et al. 2002) of what lies below six
    octaves and of the octaves up to half the sample rate, log10 of the mean peak over the mean valley. 8: flatness,
    log10 of geometric over arithmetic mean of power, 0 for white noise. 9: roll-off, the frequency under which 85 % of
    the magnitude lies, in octaves; between bins it is interpolated, so it has no steps.
    """

    hz: Tensor

    def __init__(self, rate_hz: int, n_fft: int) -> None:
        super().__init__()
        bins = n_fft // 2 + 1
        self.bin_hz = rate_hz / n_fft
        self.edges = [0, *((bins - 1) >> down for down in range(OCTAVES, 0, -1)), bins]
        assert self.edges[1] >= 4, "each band needs a peak and a valley"
        self.register_buffer("hz", torch.arange(bins)[:, None] * self.bin_hz, persistent=False)

    def forward(self, power_BFT: Tensor) -> Tensor:
        # Silence is white, and bins that happen to be next to nothing do not turn rounding into decades.
        power_BFT = power_BFT + FLOOR
        size_BFT = power_BFT.sqrt()
        total_B1T = size_BFT.sum(1, keepdim=True)
        centroid_B1T = octaves((size_BFT * self.hz).sum(1, keepdim=True) / total_B1T)
        flatness_B1T = power_BFT.log10().mean(1, keepdim=True) - power_BFT.mean(1, keepdim=True).log10()
        bands = zip(self.edges[:-1], self.edges[1:], strict=True)
        contrast = [_contrast(power_BFT[:, low:high]) for low, high in bands]
        return torch.cat([centroid_B1T, *contrast, flatness_B1T, self._roll_off(size_BFT, total_B1T)], 1)

    def _roll_off(self, size_BFT: Tensor, total_B1T: Tensor) -> Tensor:
        under_BFT = size_BFT.cumsum(1) - size_BFT
        # Each bin counts by how much of it lies under the line: 1, 0, and for one bin a fraction.
        bins_B1T = ((ROLL_OFF * total_B1T - under_BFT) / size_BFT).clamp(0.0, 1.0).sum(1, keepdim=True)
        return octaves((bins_B1T - 0.5).clamp_min(0.0) * self.bin_hz)


def _contrast(band_BFT: Tensor) -> Tensor:
    # Two at least: a single bin can be next to nothing by chance, and its logarithm is then mere rounding.
    count = max(2, round(EXTREME * band_BFT.shape[1]))
    peak, valley = (band_BFT.topk(count, dim=1, largest=largest).values for largest in (True, False))
    return peak.mean(1, keepdim=True).log10() - valley.mean(1, keepdim=True).log10()
