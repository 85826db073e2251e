"""Clean speech is left alone, noisy speech is not, and what is between is shared."""

import pytest
import torch
from torch import Tensor

from models.enhance.spare import Spare

TIME_CONSTANT = 20.0


def run(before: Tensor, after: Tensor) -> Tensor:
    spare = Spare(10, 20, TIME_CONSTANT).eval()
    return spare.step(before, after, spare.init_state(before.shape[0]))[0]


def pair(ratio_db: float, frames: int = 60) -> tuple[Tensor, Tensor]:
    """Spectra, and the same after a denoiser took away what is so much softer than what it kept."""
    draw = torch.Generator().manual_seed(0)
    kept = torch.randn(1, frames, 2, 9, generator=draw)
    return kept + 10 ** (-ratio_db / 20) * torch.randn(1, frames, 2, 9, generator=draw), kept


def test_clean_speech_is_left_alone() -> None:
    before, after = pair(26)
    assert torch.equal(run(before, after), before)


def test_noise_is_taken_away() -> None:
    before, after = pair(4)
    assert torch.allclose(run(before, after), after, atol=1e-6)


def test_in_between_a_share_is_taken_away() -> None:
    before, after = pair(15, frames=2000)
    removed = before - after
    share = (before - run(before, after))[:, -1] / removed[:, -1]
    assert share.mean() == pytest.approx(0.5, abs=0.15)
    assert share.std() < 1e-4


def test_a_pause_does_not_make_it_forget() -> None:
    """All of a pause would be taken away; the speech before it was clean, so the pause stays as it is."""
    before, after = pair(30)
    before[:, -10:] *= 0.01
    after[:, -10:] = 0
    assert torch.equal(run(before, after), before)


def test_noise_that_begins_is_taken_away_soon() -> None:
    (clean, same), (noisy, kept) = pair(40), pair(0)
    out = run(torch.cat([clean, noisy], 1), torch.cat([same, kept], 1))
    assert torch.equal(out[:, :60], clean)
    assert torch.allclose(out[:, 63:], kept[:, 3:], atol=1e-6)


def test_silence_is_silent_and_streams_are_alone() -> None:
    before, after = pair(4)
    both = run(torch.cat([before, 0 * before]), torch.cat([after, 0 * after]))
    assert torch.equal(both[:1], run(before, after))
    assert not both[1].any()


def test_training_takes_everything_away() -> None:
    before, after = pair(26)
    spare = Spare(10, 20, TIME_CONSTANT).train()
    assert torch.equal(spare.step(before, after, spare.init_state(1))[0], after)
