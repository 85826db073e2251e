"""Normalisation along time: over the clip, over the past, per-channel energy."""

from __future__ import annotations

import math

import pytest
import torch

from models.blocks.norm import CausalNorm, ClipMean, ClipPeak, ClipScale, Pcen, RunningMean


def test_clip_norm_gives_zero_mean_and_unit_variance() -> None:
    x_BFT = 5 + 3 * torch.randn(2, 4, 200, generator=torch.Generator().manual_seed(0))
    y_BFT = ClipScale()(ClipMean()(x_BFT))
    torch.testing.assert_close(y_BFT.mean(-1), torch.zeros(2, 4), rtol=0, atol=1e-5)
    torch.testing.assert_close(y_BFT.square().mean(-1), torch.ones(2, 4), rtol=0, atol=1e-4)


def test_peak_takes_the_level_of_each_clip_and_leaves_the_balance_of_its_rows() -> None:
    x_BFT = torch.randn(2, 4, 20, generator=torch.Generator().manual_seed(0))
    y_BFT = ClipPeak()(x_BFT + torch.tensor([3.0, -40.0])[:, None, None])
    torch.testing.assert_close(y_BFT, ClipPeak()(x_BFT), rtol=0, atol=1e-5)
    assert y_BFT.amax((1, 2)).tolist() == [0.0, 0.0]
    torch.testing.assert_close(y_BFT.diff(dim=1), x_BFT.diff(dim=1), rtol=0, atol=1e-5)


def test_clip_scale_of_a_constant_row_is_zero() -> None:
    x_BFT = torch.full((1, 1, 50), -13.8, requires_grad=True)
    y_BFT = ClipScale()(ClipMean()(x_BFT))
    y_BFT.sum().backward()
    assert y_BFT.abs().max() < 1e-2
    assert x_BFT.grad is not None
    assert x_BFT.grad.isfinite().all()


def test_running_mean_is_a_mean_from_the_first_frame_on() -> None:
    mean = RunningMean(1, time_constant=100.0)
    x_BFT = torch.tensor([[[4.0, 8.0, 6.0]]])
    d = math.exp(-1 / 100)
    expected = [4.0, (4 * d + 8) / (d + 1), (4 * d * d + 8 * d + 6) / (d * d + d + 1)]
    torch.testing.assert_close(mean(x_BFT)[0, 0], torch.tensor(expected))


def test_running_mean_of_a_constant_is_the_constant_after_an_hour() -> None:
    mean = RunningMean(1, time_constant=100.0)
    state = mean.init_state(1)
    for _ in range(60):
        y_BFT, state = mean.step(torch.full((1, 1, 6000), -13.5), state)
    torch.testing.assert_close(y_BFT, torch.full((1, 1, 6000), -13.5), rtol=1e-6, atol=0)


@pytest.mark.parametrize("block", [CausalNorm(3, 50.0), Pcen(3, 40.0)], ids=["norm", "pcen"])
def test_rows_of_a_batch_do_not_meet(block: CausalNorm | Pcen) -> None:
    x_BFT = torch.rand(2, 3, 80, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block(x_BFT)[1:], block(x_BFT[1:]), rtol=0, atol=1e-6)


def test_pcen_equals_its_equations() -> None:
    pcen = Pcen(1, time_constant=40.0, alpha=0.9, delta=1.5, r=0.4)
    energy = torch.rand(200, generator=torch.Generator().manual_seed(0)).double() + 0.01
    d = math.exp(-1 / 40)
    weighted = weights = 0.0
    expected: list[float] = []
    for e in energy.tolist():
        weighted, weights = d * weighted + e, d * weights + 1
        smooth = weighted / weights
        expected.append((e / (1e-6 + smooth) ** 0.9 + 1.5) ** 0.4 - 1.5**0.4)
    out = pcen(energy.float()[None, None])[0, 0]
    torch.testing.assert_close(out.double(), torch.tensor(expected).double(), rtol=1e-5, atol=1e-6)


def test_pcen_of_silence_is_zero_and_trains() -> None:
    pcen = Pcen(4, time_constant=40.0)
    energy_BFT = torch.zeros(2, 4, 30, requires_grad=True)
    out_BFT = pcen(energy_BFT)
    out_BFT.sum().backward()
    assert out_BFT.abs().max() < 1e-6
    for value in (energy_BFT, *pcen.parameters()):
        assert value.grad is not None
        assert value.grad.isfinite().all()
