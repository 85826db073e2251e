"""The power spectrum against its definition in float64, and where its frames lie."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.frontend.stft import CausalSpectrum, CentredSpectrum, ConvPower, FftPower

SIZES = [(400, 160, 512), (400, 160, 400), (331, 77, 512), (331, 77, 401)]


def definition(x_N: np.ndarray, window: int, hop: int, n_fft: int) -> np.ndarray:
    """|DFT|^2 of Hann-windowed frames, [bins, T]."""
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    frames = np.lib.stride_tricks.sliding_window_view(x_N, window)[::hop]
    return np.square(np.abs(np.fft.rfft(frames * hann, n_fft))).T


@pytest.mark.parametrize("transform", [FftPower, ConvPower])
@pytest.mark.parametrize(("window", "hop", "n_fft"), SIZES)
def test_equals_the_definition(transform: type[FftPower | ConvPower], window: int, hop: int, n_fft: int) -> None:
    x_N = np.random.default_rng(0).normal(0, 0.1, 5000)
    power_FT = transform(window, hop, n_fft)(torch.from_numpy(x_N).float()[None])[0].numpy()
    np.testing.assert_allclose(power_FT, definition(x_N, window, hop, n_fft), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(("window", "hop", "n_fft"), SIZES)
def test_centred_frames_sit_on_their_sample(window: int, hop: int, n_fft: int) -> None:
    """A click on the middle of frame 9 is as loud in frame 8 as in frame 10, and loudest in frame 9."""
    wav_BN = torch.zeros(1, 30 * hop)
    wav_BN[0, 9 * hop] = 1.0
    level_T = CentredSpectrum(window, hop, n_fft)(wav_BN)[0].sum(0)
    assert int(level_T.argmax()) == 9
    assert level_T[8].item() == pytest.approx(level_T[10].item(), rel=0.05)


@pytest.mark.parametrize(("window", "hop", "n_fft"), SIZES)
def test_causal_frame_ends_with_its_hop(window: int, hop: int, n_fft: int) -> None:
    spectrum = CausalSpectrum(window, hop, n_fft)
    wav_BN = torch.zeros(1, 12 * hop)
    wav_BN[0, 5 * hop + 1] = 1.0
    level_T = spectrum(wav_BN)[0].sum(0)
    assert level_T.shape == (12,)
    assert level_T[:5].abs().max() == 0.0
    assert level_T[5] > 0.0
    assert level_T[6 + (window - 1) // hop :].abs().max() == 0.0
