"""The classify task: what a batch becomes, in training and outside of it."""

import numpy as np
import pytest
import torch
from torch import nn

from sonant import tasks
from sonant.config.data import Augment
from sonant.config.task import ClassifyTask
from sonant.data import augment
from sonant.data.batch import Batch
from sonant.losses.bce import bce
from sonant.losses.cross_entropy import cross_entropy

LABELS = ("a", "b", "c")
WAV = torch.tensor([[-32768, 0, 16384, 32767]] * 4, dtype=torch.int16).repeat(1, 400)


def batch(*, varied: bool = False, mixed: bool = False) -> Batch:
    cfg = Augment(mixup_p=1.0)
    draws = augment.draw(cfg, 0, 0, [0, 1, 2, 3], sample_rate_hz=16000)[1] if varied else None
    mix = augment.draw_mix(cfg, 0, 0, 0, 0, 4) if mixed else None
    return Batch(WAV, torch.full((4,), 1600), torch.tensor([0, 1, 2, 0]), torch.arange(4), draws, mix)


def task(**settings: object) -> tasks.Task:
    return tasks.create(ClassifyTask.model_validate(settings), LABELS, (2, 1, 1))


def test_outside_training_clips_and_labels_are_plain() -> None:
    inputs = task(label_smoothing=0.3).inputs(batch(varied=True, mixed=True))
    assert inputs.wav_BN.dtype == torch.float32
    assert inputs.wav_BN[0, :4].tolist() == [-1.0, 0.0, 0.5, 32767 / 32768]
    assert inputs.target_BK.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert inputs.masks_BM4 is None


def test_training_without_augmentation_still_smooths() -> None:
    inputs = task(label_smoothing=0.3).inputs(batch(), training=True)
    assert inputs.target_BK[0].tolist() == pytest.approx([0.8, 0.1, 0.1])
    assert torch.equal(inputs.wav_BN, WAV / 32768)
    assert inputs.masks_BM4 is None


def test_training_varies_and_mixes_as_the_batch_says() -> None:
    made = batch(varied=True, mixed=True)
    assert made.draws is not None
    assert made.mix is not None
    inputs = task(label_smoothing=0.0).inputs(made, training=True)
    applied_BN = augment.apply(WAV / 32768, made.draws)
    torch.testing.assert_close(inputs.wav_BN, augment.mix_waves(applied_BN, made.mix, made.draws.sample_rate_hz))
    torch.testing.assert_close(inputs.target_BK.sum(dim=1), torch.ones(4))
    own = inputs.target_BK.max(dim=1).values
    assert ((own >= 0.5) & (own <= 1.0)).all()
    assert inputs.masks_BM4 is made.draws.masks_BM4


class Fixed(nn.Module):
    """Logits that are not looked at twice."""

    def __init__(self) -> None:
        super().__init__()
        self.logits_BK = nn.Parameter(torch.tensor([[1.0, 0, 0], [0, 2.0, 0], [0, 3.0, 0], [4.0, 0, 0]]))

    def forward(self, wav_BN: torch.Tensor, *_: object) -> torch.Tensor:
        return self.logits_BK


def test_the_loss_weighs_rare_labels() -> None:
    inputs, model = task().inputs(batch()), Fixed()
    plain, weighted = (task(class_weights=on).loss(model, inputs) for on in (False, True))
    torch.testing.assert_close(plain, cross_entropy(model.logits_BK, inputs.target_BK))
    weight_K = torch.tensor([4 / (3 * 2), 4 / 3, 4 / 3])
    torch.testing.assert_close(weighted, cross_entropy(model.logits_BK, inputs.target_BK, weight_K))


def test_metrics_by_hand() -> None:
    logits = Fixed().logits_BK.detach().numpy()
    one = task()
    metrics = one.metrics(logits, np.array([0, 1, 2, 0]))
    assert tuple(metrics) == one.metric_names
    assert metrics["accuracy"] == 0.75
    assert metrics["uar"] == pytest.approx(2 / 3)
    assert metrics["macro_f1"] == pytest.approx((1 + 2 / 3 + 0) / 3)
    by_hand = nn.functional.cross_entropy(torch.tensor(logits), torch.tensor([0, 1, 2, 0]))
    assert metrics["loss"] == pytest.approx(float(by_hand))
    assert 0 < metrics["ece"] < 1


def test_the_loss_and_its_link_are_those_of_the_config() -> None:
    inputs, model = task().inputs(batch()), Fixed()
    one = task(loss="bce")
    torch.testing.assert_close(one.loss(model, inputs), bce(model.logits_BK, inputs.target_BK))
    logits, label = model.logits_BK.detach().numpy(), np.array([0, 1, 2, 0])
    by_hand = 3 * nn.functional.binary_cross_entropy_with_logits(torch.tensor(logits), inputs.target_BK)
    assert one.metrics(logits, label)["loss"] == pytest.approx(float(by_hand))


def test_metrics_know_no_margin() -> None:
    cosines, label = np.array([[0.8, 0.1, -0.4]], np.float32), np.array([0])
    losses = [
        task(loss={"kind": "aam_softmax", "margin": margin, "scale": 10}).metrics(cosines, label)["loss"]
        for margin in (0.0, 0.5)
    ]
    expected = nn.functional.cross_entropy(10 * torch.tensor(cosines), torch.tensor(label))
    assert losses == pytest.approx([float(expected)] * 2, rel=1e-4)
