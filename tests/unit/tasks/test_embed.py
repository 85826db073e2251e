"""The embed task: what it learns from and what it judges."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sonant.config.data import Augment
from sonant.config.task import EmbedTask
from sonant.data import augment
from sonant.data.batch import Batch
from sonant.losses.aam_softmax import aam_softmax
from sonant.losses.cross_entropy import cross_entropy
from sonant.tasks.embed import Embed

WAV = torch.randint(-20_000, 20_000, (4, 1600), generator=torch.Generator().manual_seed(0)).to(torch.int16)
COSINE_BK = torch.tensor([[0.9, -0.2, 0.1], [0.1, 0.3, 0.2], [-0.5, 0.0, 0.6], [0.2, 0.1, 0.0]])


def batch(*, mixed: bool = False) -> Batch:
    cfg = Augment(mixup_p=1.0)
    draws = augment.draw(cfg, 0, 0, [0, 1, 2, 3], sample_rate_hz=16000)[1] if mixed else None
    mix = augment.draw_mix(cfg, 0, 0, 0, 0, 4) if mixed else None
    return Batch(WAV, torch.full((4,), 1600), torch.tensor([0, 1, 2, 0]), torch.arange(4), draws, mix)


def task(**settings: object) -> Embed:
    return Embed(EmbedTask.model_validate(settings), ("a", "b", "c"))


class Fixed(nn.Module):
    def forward(self, wav_BN: torch.Tensor, *_: object) -> torch.Tensor:
        return COSINE_BK


@pytest.mark.parametrize("mixed", [False, True])
def test_the_loss_is_that_of_its_section_mixed_or_not(mixed: bool) -> None:
    inputs = task().inputs(batch(mixed=mixed), training=True)
    torch.testing.assert_close(task().loss(Fixed(), inputs), cross_entropy(COSINE_BK, inputs.target_BK))
    angular = task(loss={"kind": "aam_softmax", "margin": 0.3, "scale": 12})
    expected = aam_softmax(COSINE_BK, inputs.target_BK, margin=0.3, scale=12)
    torch.testing.assert_close(angular.loss(Fixed(), inputs), expected)
    torch.testing.assert_close(inputs.target_BK.sum(1), torch.ones(4))
    assert bool(((inputs.target_BK > 0).sum(1) > 1).any()) == mixed


def test_a_recording_is_the_mean_direction_of_its_windows() -> None:
    emb_WE = torch.tensor([[3.0, 0], [0, 0.5], [0, 9], [0, 1]])
    one = Batch(WAV, torch.tensor([6400]), torch.tensor([5]), torch.tensor([7]))
    scores = task().score(lambda wav_BN: emb_WE, one)
    expected = torch.tensor([[1.0, 3.0]]) / 10**0.5
    torch.testing.assert_close(scores.logits_NK, expected)
    assert (scores.row_N.tolist(), scores.label_N.tolist()) == ([7], [5])


def test_perfect_and_useless_vectors() -> None:
    label_N = np.repeat(np.arange(4), 5)
    perfect = task().metrics(np.eye(4)[label_N], label_N)
    assert perfect == {"eer": 0.0, "min_dcf_01": 0.0, "min_dcf_05": 0.0, "auc": 1.0}
    useless = task().metrics(np.random.default_rng(0).standard_normal((20, 8)), label_N)
    assert useless["eer"] > 0.3
    assert useless["min_dcf_01"] > 0.8
    assert tuple(useless) == Embed.metric_names


def test_balanced_trials_are_as_many_of_both() -> None:
    found = task(trials="balanced").trials(np.repeat(np.arange(4), 5))
    assert (int(found.same_P.sum()), len(found.same_P)) == (40, 80)


def test_embeddings_are_learned_by_losses_that_fit() -> None:
    with pytest.raises(ValueError, match="does not fit embeddings"):
        EmbedTask.model_validate({"loss": "focal"})
