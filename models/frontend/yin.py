"""Pitch by YIN (de Cheveigne & Kawahara 2002), for all frames of a batch at once and without a search.

A frame holds two periods of the lowest pitch, so that one period can be compared with the next:

    d(lag) = sum_{j < W} (x_j - x_{j + lag})^2 = e(0) + e(lag) - 2 r(lag)          equations 6 and 7
    d'(lag) = d(lag) * lag / sum_{i <= lag} d(i)                                   equation 8

r is a correlation, made with a Fourier transform written as matrices: a graph of ONNX knows no better way.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

LOW_HZ, HIGH_HZ = 50.0, 2000.0
THRESHOLD = 0.1
"""A lag is the period when d' dips under this (step 4)."""
SURE, HOPELESS = 0.3, 0.5
"""Up to the first d' a frame counts as voiced, from the second on as one without any pitch."""


class Yin(nn.Module):
    """[B, N] -> [B, 1, T]: octaves above 50 Hz, times how periodic the frame is (1 up to a d' of 0.3, falling to 0
    at 0.5). So 0 is "no pitch", and frames near the border do not jump."""

    basis: Tensor
    inverse: Tensor
    energy: Tensor
    lag: Tensor

    def __init__(self, rate_hz: int, hop: int, window: int) -> None:
        super().__init__()
        self.hop, self.rate_hz = hop, rate_hz
        longest = math.ceil(rate_hz / LOW_HZ) + 1
        self.length = max(2 * longest, window)
        """Samples in a frame."""
        width = self.length - longest
        self.first = max(2, int(rate_hz / HIGH_HZ) - 1)
        bins = self.length // 2 + 1
        sample, lag = torch.arange(self.length), torch.arange(longest + 1)
        # r(lag) = sum_{j < W} x_j x_{j + lag}: the inverse transform of conj(first W samples) * (all samples). Nothing
        # wraps around, as W + lag never passes the end of the frame.
        turn = torch.outer(torch.arange(bins), sample).double() % self.length * (2 * math.pi / self.length)
        waves = torch.cat([turn.cos(), -turn.sin()])
        head = waves * (sample < width)
        back = torch.outer(lag, torch.arange(bins)).double() % self.length * (2 * math.pi / self.length)
        twice = torch.full((bins,), 2.0, dtype=torch.float64)
        twice[0] = 1.0
        if self.length % 2 == 0:
            twice[-1] = 1.0
        inverse = torch.cat([back.cos() * twice, -back.sin() * twice], 1) / self.length
        window_of_lag = (sample >= lag[:, None]) & (sample < lag[:, None] + width)
        self.register_buffer("basis", torch.cat([waves, head]).float()[:, None], persistent=False)
        self.register_buffer("inverse", inverse.float(), persistent=False)
        self.register_buffer("energy", window_of_lag.float()[:, None], persistent=False)
        self.register_buffer("lag", lag.float()[:, None], persistent=False)

    def forward(self, wav_BN: Tensor) -> Tensor:
        dip_BLT = self.differences(wav_BN)
        period_B1T, depth_B1T = pick(dip_BLT, self.lag, self.first)
        voiced_B1T = ((HOPELESS - depth_B1T) / (HOPELESS - SURE)).clamp(0.0, 1.0)
        octaves_B1T = torch.log2(self.rate_hz / LOW_HZ / period_B1T).clamp_min(0.0)
        return octaves_B1T * voiced_B1T

    def differences(self, wav_BN: Tensor) -> Tensor:
        """d' of every lag and frame, [B, lags, T]; 1 where there is nothing to compare."""
        spectra_BFT = F.conv1d(wav_BN[:, None], self.basis, stride=self.hop)
        re_BFT, im_BFT, head_re_BFT, head_im_BFT = spectra_BFT.chunk(4, dim=1)
        cross_BFT = torch.cat(
            [head_re_BFT * re_BFT + head_im_BFT * im_BFT, head_re_BFT * im_BFT - head_im_BFT * re_BFT], 1
        )
        energy_BLT = F.conv1d(wav_BN.square()[:, None], self.energy, stride=self.hop)
        both_BLT = energy_BLT[:, :1] + energy_BLT
        d_BLT = (both_BLT - 2.0 * (self.inverse @ cross_BFT)).clamp_min(0.0)
        # A floor 40 dB below the sound and one near -95 dB: constant and silent frames have no pitch, not a random one.
        d_BLT = (d_BLT + 1e-4 * both_BLT.mean(1, keepdim=True) + 1e-7)[:, 1:]
        dip_BLT = d_BLT * self.lag[1:] / d_BLT.cumsum(1)
        return F.pad(dip_BLT, (0, 0, 1, 0), value=1.0)


def pick(dip_BLT: Tensor, lag_L1: Tensor, first: int) -> tuple[Tensor, Tensor]:
    """The period in samples (with a parabola between lags, step 5) and d' there, [B, 1, T] each: the first local
    minimum below the threshold, else the lowest."""
    left_BLT, here_BLT, right_BLT = dip_BLT[:, first - 1 : -2], dip_BLT[:, first:-1], dip_BLT[:, first + 1 :]
    lags_L1 = lag_L1[first:-1]
    beyond = float(lag_L1.shape[0])
    good_BLT = (here_BLT < THRESHOLD) & (here_BLT <= right_BLT) & (here_BLT < left_BLT)
    lowest_BLT = here_BLT <= here_BLT.amin(1, keepdim=True)
    early_B1T, deep_B1T = (
        torch.where(chosen_BLT, lags_L1, beyond).amin(1, keepdim=True) for chosen_BLT in (good_BLT, lowest_BLT)
    )
    lag_B1T = torch.where(early_B1T < beyond, early_B1T, deep_B1T)
    index_B1T = lag_B1T.long() - first
    a, b, c = (side.gather(1, index_B1T) for side in (left_BLT, here_BLT, right_BLT))
    bend = a - 2.0 * b + c
    # Only a minimum has a lowest point between its neighbours.
    shift = torch.where(bend > 1e-9, (a - c) / (2.0 * bend.clamp_min(1e-9)), 0.0).clamp(-0.5, 0.5)
    return lag_B1T + shift, b
