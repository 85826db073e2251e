"""The parallel recurrence equals the loop, for any length and from any start."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.blocks.scan import BLOCK, DecayScan


def loop(x_BFT: Tensor, start_BF: Tensor, decay: float) -> Tensor:
    y_BF, out = start_BF.double(), []
    for x_BF in x_BFT.double().unbind(-1):
        y_BF = decay * y_BF + x_BF
        out.append(y_BF)
    return torch.stack(out, -1)


@pytest.mark.parametrize("frames", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK, 1000])
@pytest.mark.parametrize("decay", [0.5, 0.9, 0.999])
def test_equals_the_loop(frames: int, decay: float) -> None:
    generator = torch.Generator().manual_seed(frames)
    x_BFT, start_BF = torch.randn(2, 3, frames, generator=generator), torch.randn(2, 3, generator=generator)
    expected = loop(x_BFT, start_BF, decay)
    torch.testing.assert_close(
        DecayScan(decay)(x_BFT, start_BF).double(), expected, rtol=0, atol=2e-6 * float(expected.abs().max())
    )


def test_fast_decay_over_a_long_signal_stays_finite() -> None:
    y_BFT = DecayScan(0.01)(torch.ones(1, 1, 20 * BLOCK), torch.full((1, 1), 1e6))
    assert y_BFT.isfinite().all()
    assert y_BFT[0, 0, -1].item() == pytest.approx(1 / 0.99)


def test_gradient_reaches_every_past_frame() -> None:
    x_BFT = torch.zeros(1, 1, 3 * BLOCK, requires_grad=True)
    DecayScan(0.9)(x_BFT, torch.zeros(1, 1))[0, 0, -1].backward()
    assert x_BFT.grad is not None
    torch.testing.assert_close(x_BFT.grad[0, 0], 0.9 ** torch.arange(3 * BLOCK - 1.0, -1.0, -1.0))
