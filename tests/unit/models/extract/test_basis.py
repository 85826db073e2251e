import pytest
import torch
from torch import Tensor

from models.extract.basis import Basis, FourierBasis, LearnedBasis


def passes(basis: Basis, mix_BN: Tensor) -> Tensor:
    """Through all of it, unmasked."""
    state = basis.init_state(mix_BN.shape[0], mix_BN)
    coef_BTC, _ = basis.encode(mix_BN, state)
    return basis.decode(coef_BTC, state)[0]


@pytest.mark.parametrize("hops", [2, 4, 5])
def test_fourier_frames_give_the_wave_back_one_latency_later(hops: int) -> None:
    basis = FourierBasis(80, 80 // hops)
    mix_BN = torch.randn(2, 800)
    assert basis.latency == 80 - 80 // hops
    out_BN = passes(basis, mix_BN)
    assert torch.allclose(out_BN[:, basis.latency :], mix_BN[:, : -basis.latency], atol=1e-5)
    assert sum(parameter.numel() for parameter in basis.parameters()) == 0


def test_fourier_coefficients_are_those_of_torch() -> None:
    basis = FourierBasis(80, 20)
    frame_BTW = torch.randn(1, 3, 80)
    wanted = torch.fft.rfft(frame_BTW * torch.hann_window(80).sqrt())
    assert torch.allclose(basis.transform(frame_BTW), torch.cat([wanted.real, wanted.imag], -1), atol=1e-4)


def test_fourier_masks_are_complex() -> None:
    basis = FourierBasis(8, 4)
    value, mask = torch.randn(2, 1, 1, 5, dtype=torch.complex64)
    parts = [torch.cat([number.real, number.imag], -1) for number in (value, mask, value * mask)]
    assert torch.allclose(basis.masked(parts[0], parts[1]), parts[2], atol=1e-6)


def test_fourier_features_of_silence_have_gradients() -> None:
    basis = FourierBasis(8, 4)
    coef_BTC = torch.zeros(1, 2, basis.size, requires_grad=True)
    feat_BTC = basis.features(coef_BTC)
    assert feat_BTC.shape[-1] == basis.features_size
    feat_BTC.sum().backward()
    assert coef_BTC.grad is not None
    assert coef_BTC.grad.isfinite().all()


def test_learned_frames_leave_silence_silent() -> None:
    basis = LearnedBasis(40, 20, filters=8)
    assert not passes(basis, torch.zeros(1, 200)).any()
    assert passes(basis, torch.randn(1, 200)).any()
    assert (basis.encode(torch.randn(1, 200), basis.init_state(1, torch.zeros(1)))[0] >= 0).all()
