"""Short-time power spectrum [B, N] -> [B, n_fft/2 + 1, T], centred or causal, by FFT or by convolution.

Both transforms frame a signal whose first sample is the first sample under the first window. The FFT is what training
wants (fastest in PyTorch), the convolution with a fixed basis is what graphs want (ONNX's STFT op is several times
slower in onnxruntime and cannot be converted further). benchmarks/features.py has the numbers.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks.causal import FromStep
from models.streaming import State

Dft = Literal["fft", "conv"]


def hann(window: int) -> Tensor:
    """The periodic Hann window in float64."""
    return torch.hann_window(window, periodic=True, dtype=torch.float64)


class FftPower(nn.Module):
    """Windowed frames through a real FFT."""

    window: Tensor

    def __init__(self, window: int, hop: int, n_fft: int) -> None:
        super().__init__()
        self.hop, self.n_fft = hop, n_fft
        self.register_buffer("window", hann(window).float(), persistent=False)

    def forward(self, x_BN: Tensor) -> Tensor:
        window = self.window.shape[0]
        spare = self.n_fft - window
        # torch.stft puts a short window into the middle of its frame.
        framed_BN = F.pad(x_BN, (spare // 2, spare - spare // 2))
        spec_BFT = torch.stft(framed_BN, self.n_fft, self.hop, window, self.window, center=False, return_complex=True)
        return spec_BFT.real.square() + spec_BFT.imag.square()


class ConvPower(nn.Module):
    """The same transform as one strided convolution with windowed cosines and sines."""

    basis: Tensor

    def __init__(self, window: int, hop: int, n_fft: int) -> None:
        super().__init__()
        self.hop = hop
        # Phases are reduced modulo one turn in integers: exact for any size.
        turn = torch.outer(torch.arange(n_fft // 2 + 1), torch.arange(window)) % n_fft
        phase = turn.double() * (2 * torch.pi / n_fft)
        basis = torch.cat([phase.cos(), -phase.sin()]) * hann(window)
        self.register_buffer("basis", basis.float()[:, None], persistent=False)

    def forward(self, x_BN: Tensor) -> Tensor:
        real_BFT, imag_BFT = F.conv1d(x_BN[:, None], self.basis, stride=self.hop).chunk(2, dim=1)
        return real_BFT.square() + imag_BFT.square()


TRANSFORMS: dict[Dft, type[FftPower] | type[ConvPower]] = {"fft": FftPower, "conv": ConvPower}


class CentredSpectrum(nn.Module):
    """Frame t is centred on sample t * hop; the ends are mirrored: T = 1 + N // hop, as torchaudio has it."""

    def __init__(self, window: int, hop: int, n_fft: int) -> None:
        super().__init__()
        self.size = (window, hop, n_fft)
        left = n_fft // 2 - (n_fft - window) // 2
        self.pad = (left, 2 * (n_fft // 2) - (n_fft - window) - left)
        self.transform: FftPower | ConvPower = FftPower(*self.size)

    def forward(self, wav_BN: Tensor) -> Tensor:
        mirrored_BN = F.pad(wav_BN[:, None], self.pad, mode="reflect")[:, 0]
        return self.transform(mirrored_BN)


class CausalSpectrum(FromStep):
    """Frame t ends with sample (t + 1) * hop and the start is padded with silence: T = N // hop."""

    def __init__(self, window: int, hop: int, n_fft: int) -> None:
        super().__init__()
        self.size = (window, hop, n_fft)
        self.tail = window - hop
        self.transform: FftPower | ConvPower = FftPower(*self.size)

    def init_state(self, rows: int) -> State:
        like = next(self.transform.buffers())
        return {"tail": like.new_zeros(rows, self.tail)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        joined_BN = torch.cat([state["tail"], x], 1)
        return self.transform(joined_BN), {"tail": joined_BN[:, -self.tail :]}


class PreEmphasis(FromStep):
    """y[n] = x[n] - coefficient * x[n - 1], silence before the first sample."""

    coefficient: Tensor

    def __init__(self, coefficient: float) -> None:
        super().__init__()
        self.register_buffer("coefficient", torch.tensor(coefficient), persistent=False)

    def init_state(self, rows: int) -> State:
        return {"last": self.coefficient.new_zeros(rows, 1)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        before_BN = torch.cat([state["last"], x[:, :-1]], 1)
        return x - self.coefficient * before_BN, {"last": x[:, -1:]}
