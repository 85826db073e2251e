"""From waves to frames of coefficients and back: what masks are applied to in the causal network.

Frames are `window` samples long and `hop` apart. Frame t has heard samples up to (t + 1) * hop, so the wave that comes
back stands `window - hop` samples behind. Shapes: B streams, N samples, T frames, C coefficients, W window.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.blocks.overlap import OverlapAdd, Overlapping
from models.streaming import State, child, nest


class Basis(nn.Module):
    """A pair of transforms. `coefficients` are masked; `features` of them are what the network looks at."""

    size: int
    """Coefficients of a frame."""
    features_size: int

    def __init__(self, window: int, hop: int) -> None:
        super().__init__()
        self.overlapping, self.overlap = Overlapping(window, hop), OverlapAdd(window, hop)
        self.hop, self.latency = hop, window - hop

    def init_state(self, rows: int, like: Tensor) -> State:
        heard, tail = self.overlapping.init_state(rows, like), self.overlap.init_state(rows, like)
        return nest("overlapping", heard) | nest("overlap", tail)

    def encode(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, n * hop] -> coefficients [B, n, C]."""
        frame_BTW, after = self.overlapping.step(x, child("overlapping", state))
        return self.transform(frame_BTW), nest("overlapping", after)

    def transform(self, frame_BTW: Tensor) -> Tensor:
        """Frames [B, T, W] -> coefficients [B, T, C]."""
        raise NotImplementedError

    def features(self, coef_BTC: Tensor) -> Tensor:
        raise NotImplementedError

    def masked(self, coef_BTC: Tensor, mask_BTC: Tensor) -> Tensor:
        raise NotImplementedError

    def decode(self, coef_BTC: Tensor, state: State) -> tuple[Tensor, State]:
        """Coefficients [B, n, C] -> [B, n * hop]."""
        wav_BN, after = self.overlap.step(self.frames(coef_BTC), child("overlap", state))
        return wav_BN, nest("overlap", after)

    def frames(self, coef_BTC: Tensor) -> Tensor:
        """Coefficients [B, T, C] -> frames [B, T, W]."""
        raise NotImplementedError


class LearnedBasis(Basis):
    """Trained kernels whose outputs are never negative, as in Luo and Mesgarani 2019, arXiv:1809.07454, section II-B.

    There is no bias: silence in is silence out.
    """

    def __init__(self, window: int, hop: int, filters: int) -> None:
        super().__init__(window, hop)
        self.size = self.features_size = filters
        self.analysis = nn.Linear(window, filters, bias=False)
        self.synthesis = nn.Linear(filters, window, bias=False)

    def transform(self, frame_BTW: Tensor) -> Tensor:
        return torch.relu(self.analysis(frame_BTW))

    def features(self, coef_BTC: Tensor) -> Tensor:
        return coef_BTC

    def masked(self, coef_BTC: Tensor, mask_BTC: Tensor) -> Tensor:
        return coef_BTC * torch.relu(mask_BTC)

    def frames(self, coef_BTC: Tensor) -> Tensor:
        return self.synthesis(coef_BTC)


class FourierBasis(Basis):
    """The short-time Fourier transform with square roots of Hann windows, as a matrix; nothing is trained.

    Coefficients are the real parts of all bins and then the imaginary parts. The mask is complex. The network sees the
    coefficients with their magnitudes compressed to the power POWER, so that weak harmonics count.
    """

    POWER = 0.3

    analysis: Tensor
    synthesis: Tensor

    def __init__(self, window: int, hop: int) -> None:
        super().__init__(window, hop)
        self.bins = window // 2 + 1
        self.size, self.features_size = 2 * self.bins, 3 * self.bins
        self.register_buffer("analysis", (_fourier(window) * _root_hann(window)).T, persistent=False)
        self.register_buffer("synthesis", _inverse(window, hop), persistent=False)

    def transform(self, frame_BTW: Tensor) -> Tensor:
        return frame_BTW @ self.analysis

    def features(self, coef_BTC: Tensor) -> Tensor:
        real_BTG, imaginary_BTG = coef_BTC.split(self.bins, -1)
        # The floor keeps the gradient and the quotient finite in silence.
        power_BTG = (real_BTG.square() + imaginary_BTG.square()).clamp_min(1e-10)
        magnitude_BTG = power_BTG ** (self.POWER / 2)
        shrink_BTG = magnitude_BTG * power_BTG**-0.5
        return torch.cat([magnitude_BTG, real_BTG * shrink_BTG, imaginary_BTG * shrink_BTG], -1)

    def masked(self, coef_BTC: Tensor, mask_BTC: Tensor) -> Tensor:
        real_BTG, imaginary_BTG = coef_BTC.split(self.bins, -1)
        mask_real_BTG, mask_imaginary_BTG = mask_BTC.split(self.bins, -1)
        return torch.cat(
            [
                real_BTG * mask_real_BTG - imaginary_BTG * mask_imaginary_BTG,
                real_BTG * mask_imaginary_BTG + imaginary_BTG * mask_real_BTG,
            ],
            -1,
        )

    def frames(self, coef_BTC: Tensor) -> Tensor:
        return coef_BTC @ self.synthesis


def _root_hann(window: int) -> Tensor:
    return torch.hann_window(window, periodic=True, dtype=torch.float64).sqrt().float()


def _fourier(window: int) -> Tensor:
    """Rows: cosines of all bins, then minus sines."""
    place_W = torch.arange(window, dtype=torch.float64)
    angle_GW = 2 * math.pi / window * torch.arange(window // 2 + 1, dtype=torch.float64)[:, None] * place_W
    return torch.cat([angle_GW.cos(), -angle_GW.sin()]).float()


def _inverse(window: int, hop: int) -> Tensor:
    """Coefficients -> windowed frames whose sum is the wave again, [C, W]."""
    weight_G = torch.full((window // 2 + 1,), 2.0 / window)
    weight_G[0] = weight_G[-1] = 1.0 / window
    # Hann windows at these hops sum to window / (2 hop).
    overlap = window / (2 * hop)
    return weight_G.repeat(2)[:, None] * _fourier(window) * _root_hann(window) / overlap
