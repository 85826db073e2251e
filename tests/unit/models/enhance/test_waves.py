import pytest
import torch

from models.enhance.waves import FLOOR, Body, ClipWaves, LiveWaves, clip_level
from models.streaming import Chain

NOTHING = Body(Chain(), hop=40, latency=0)


def live() -> LiveWaves:
    return LiveWaves(NOTHING, 4000, level_ms=1000)


def test_what_was_divided_is_multiplied_again() -> None:
    """Each sample with its own level, whatever it is; only what the floor takes is missing."""
    wav_BN = torch.linspace(0.1, 1, 403) * torch.randn(2, 403)
    for model in (ClipWaves(NOTHING, 4000), live()):
        torch.testing.assert_close(model(wav_BN), wav_BN, rtol=0.03, atol=1e-6)


def test_below_the_floor_it_is_quiet() -> None:
    faint_BN = 1e-2 * FLOOR * torch.randn(1, 400)
    for model in (ClipWaves(NOTHING, 4000), live()):
        assert model(faint_BN).abs().max() < 0.1 * faint_BN.abs().max()
        assert not model(torch.zeros(1, 400)).any()


def test_a_whole_recording_is_divided_by_its_own_level_without_what_is_padded() -> None:
    wav_BN = torch.tensor([[3.0, -3.0, 3.0], [0.0, 4.0, 0.0]])
    assert clip_level(wav_BN).square()[:, 0].tolist() == pytest.approx([9, 16 / 3])
    assert Body(Chain(), hop=4, latency=3).padded(wav_BN).shape == (2, 8)


def test_level_goes_on_from_chunk_to_chunk() -> None:
    """And a second stream of the same model does not hear of the first."""
    model, wav_BN = live(), torch.randn(1, 400)
    first_BN, state = model.step(wav_BN[:, :200], model.init_state(1))
    second_BN, _ = model.step(wav_BN[:, 200:], state)
    torch.testing.assert_close(torch.cat([first_BN, second_BN], 1), model.offline(wav_BN), rtol=0, atol=1e-6)
    assert torch.equal(model.step(wav_BN[:, :200], model.init_state(1))[0], first_BN)
