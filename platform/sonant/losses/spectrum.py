"""Spectra of padded waves, as losses compare them. Letters: B batch, N samples, F bins, T frames."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Spectrum(NamedTuple):
    """Short-time spectra, and which of their frames count."""

    spec_BFT: Tensor
    """Complex."""
    valid_B1T: Tensor
    """1 where the middle of a frame lies in the item, 0 in its padding."""

    def mean(self, value_BFT: Tensor) -> Tensor:
        """Over the bins and the frames that count, (B,)."""
        return self.total(value_BFT) / (self.valid_B1T.sum((1, 2)).clamp_min(1) * value_BFT.shape[1])

    def total(self, value_BFT: Tensor) -> Tensor:
        """The sum likewise."""
        return (value_BFT * self.valid_B1T).sum((1, 2))


def spectrum(wav_BN: Tensor, samples_B: Tensor | None, *, fft: int, hop: int, window: int) -> Spectrum:
    """Hann-windowed spectra of float32 waves, a frame each `hop` samples from the first sample on, with zeros around
    the wave and in place of its padding."""
    count_B1 = wav_BN.new_full((wav_BN.shape[0], 1), wav_BN.shape[1]) if samples_B is None else samples_B[:, None]
    wav_BN = wav_BN.float() * (torch.arange(wav_BN.shape[1], device=wav_BN.device) < count_B1)
    spec_BFT = torch.stft(
        wav_BN,
        fft,
        hop_length=hop,
        win_length=window,
        window=torch.hann_window(window, device=wav_BN.device),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    middle_T = hop * torch.arange(spec_BFT.shape[2], device=wav_BN.device)
    return Spectrum(spec_BFT, (middle_T < count_B1).float()[:, None])
