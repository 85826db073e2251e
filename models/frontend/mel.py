"""Fixed linear maps over feature rows: the mel filter bank and the cosine transform of MFCC."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def hz_to_mel(hz: float) -> float:
    """The HTK mel scale."""
    return 2595.0 * math.log10(1.0 + hz / 700.0)


def mel_bank(n_mels: int, n_fft: int, sample_rate_hz: int, f_min_hz: float, f_max_hz: float) -> Tensor:
    """Triangles on the HTK mel scale with peaks of 1, as [n_mels, n_fft/2 + 1] in float64."""
    mel = torch.linspace(hz_to_mel(f_min_hz), hz_to_mel(f_max_hz), n_mels + 2, dtype=torch.float64)
    edge_hz = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    bin_hz = torch.linspace(0, sample_rate_hz / 2, n_fft // 2 + 1, dtype=torch.float64)
    low, peak, high = edge_hz[:-2, None], edge_hz[1:-1, None], edge_hz[2:, None]
    return torch.minimum((bin_hz - low) / (peak - low), (high - bin_hz) / (high - peak)).clamp_min(0.0)


def dct_matrix(n_out: int, n_in: int) -> Tensor:
    """The first rows of the orthonormal DCT-II, as [n_out, n_in] in float64."""
    row = torch.arange(n_out, dtype=torch.float64)[:, None]
    column = torch.arange(n_in, dtype=torch.float64)[None]
    matrix = torch.cos(math.pi / n_in * (column + 0.5) * row) * math.sqrt(2.0 / n_in)
    matrix[0] /= math.sqrt(2.0)
    return matrix


class RowMap(nn.Module):
    """Multiplies every frame by a fixed matrix: [B, F, T] -> [B, G, T]."""

    matrix: Tensor

    def __init__(self, matrix_GF: Tensor) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix_GF.float(), persistent=False)

    def forward(self, x_BFT: Tensor) -> Tensor:
        return self.matrix @ x_BFT
