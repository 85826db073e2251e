"""What an enhancement network is trained for, and what is said of its outputs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from sonant.config.load import check
from sonant.config.task import EnhanceTask
from sonant.data.noisy.batch import NoisyBatch
from sonant.errors import ConfigError
from sonant.tasks.enhance import CLEAN_ONLY, MEASURES, NOISE_ONLY, NOISY, Enhance

B, N = 4, 4000
TASK = Enhance(EnhanceTask())


class Scale(nn.Module):
    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))

    def forward(self, wav_BN: Tensor) -> Tensor:
        return self.gain * wav_BN


@pytest.fixture
def batch() -> NoisyBatch:
    """Two items of speech and noise at 0 dB, the second half padding; one without speech, one without noise."""
    random = torch.Generator().manual_seed(0)
    clean_BN, noise_BN = (torch.randn(B, N, generator=random) for _ in range(2))
    clean_BN[2], noise_BN[3] = 0, 0
    clean_BN[1, N // 2 :], noise_BN[1, N // 2 :] = 0, 0
    return NoisyBatch(
        noisy_BN=clean_BN + noise_BN,
        clean_BN=clean_BN,
        samples_B=torch.tensor([N, N // 2, N, N]),
        snr_db_B=torch.tensor([0.0, -3.0, -math.inf, math.inf]),
        row_B=torch.arange(B) + 7,
        ids=tuple("wxyz"),
    )


def test_measures_tell_what_was_done(batch: NoisyBatch) -> None:
    scores = TASK.score(lambda wav_BN: 0.25 * (wav_BN - batch.clean_BN) + batch.clean_BN, batch)
    assert scores.label_N.tolist() == [NOISY, NOISY, NOISE_ONLY, CLEAN_ONLY]
    assert scores.row_N.tolist() == [7, 8, 9, 10]
    by_name = dict(zip(MEASURES, scores.logits_NK.unbind(1), strict=True))
    assert by_name["si_sdr_noisy"][:2].abs().max() < 0.5
    assert by_name["snr"][:2] == pytest.approx(12.04, abs=0.5)
    assert by_name["left_db"][2] == pytest.approx(-12.04, abs=0.1)
    told = TASK.metrics(scores.logits_NK.numpy(), scores.label_N.numpy())
    assert set(told) == set(TASK.metric_names)
    assert told["si_sdri"] == pytest.approx(12.04, abs=0.5)
    assert told["left_db"] == pytest.approx(-12.04, abs=0.1)
    assert told["harmed_db"] < -90, "clean speech came through untouched"


def test_harm_is_what_was_changed_of_clean_speech(batch: NoisyBatch) -> None:
    scores = TASK.score(lambda wav_BN: 0.9 * wav_BN, batch)
    told = TASK.metrics(scores.logits_NK.numpy(), scores.label_N.numpy())
    assert told["harmed_db"] == pytest.approx(-20, abs=0.1)
    assert told["si_sdri"] == pytest.approx(0, abs=1e-4)


def test_what_no_item_tells_is_left_out(batch: NoisyBatch) -> None:
    scores = TASK.score(lambda wav_BN: wav_BN, batch)
    told = TASK.metrics(scores.logits_NK.numpy()[:2], scores.label_N.numpy()[:2])
    assert set(told) == {"si_sdri", "si_sdr", "si_sdr_noisy", "snr"}


def test_training_makes_the_loss_small(batch: NoisyBatch) -> None:
    model = Scale(-1.0)
    loss = TASK.loss(model, TASK.inputs(batch, training=True))
    loss.backward()
    assert model.gain.grad is not None
    assert model.gain.grad < 0, "the right polarity is the other one"
    assert TASK.loss(Scale(0.8), batch) < loss


def test_losses_that_are_deaf_to_polarity_are_refused() -> None:
    with pytest.raises(ConfigError, match="polarity"):
        check(EnhanceTask, {"l1": 0, "si_sdr": 1, "stft": 1})
    assert check(EnhanceTask, {"l1": 0, "compressed": 1}).compressed == 1
