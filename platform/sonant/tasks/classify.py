"""Classify: one label for each clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.audio.samples import INT16_SCALE
from sonant.config.task import ClassifyTask
from sonant.data import augment
from sonant.data.batch import Batch
from sonant.losses import table
from sonant.losses.cross_entropy import class_weights, soft_targets
from sonant.metrics.accuracy import accuracy, unweighted_average_recall
from sonant.metrics.calibration import expected_calibration_error, log_loss
from sonant.metrics.confusion import confusion
from sonant.metrics.f1 import macro_f1
from sonant.tasks.task import Inputs, Network, Scores


class Classify:
    """The task of a classifier. Letters: B batch, N samples, K labels."""

    of_frames = False
    metric_names = ("accuracy", "macro_f1", "uar", "loss", "ece")

    def __init__(self, cfg: ClassifyTask, labels: tuple[str, ...], label_counts: Sequence[int]) -> None:
        assert len(labels) == len(label_counts), "one count of training clips for each label"
        self.labels = labels
        self._loss, self._link = table.create(cfg.loss), cfg.loss.link
        self._smoothing = cfg.label_smoothing
        self._weight_K = class_weights(label_counts) if cfg.class_weights else None

    def inputs(self, batch: Batch, *, training: bool = False) -> Inputs:
        """A batch as floats on its device. Training varies and mixes clips as the batch says, and smooths targets."""
        wav_BN = batch.wav_BN.to(torch.float32) / INT16_SCALE
        target_BK = soft_targets(batch.label_B, len(self.labels), self._smoothing if training else 0.0)
        if not training:
            return Inputs(wav_BN, target_BK, None)
        draws = batch.draws
        if draws is not None:
            wav_BN = augment.apply(wav_BN, draws)
        if draws is not None and batch.mix is not None:
            wav_BN = augment.mix_waves(wav_BN, batch.mix, draws.sample_rate_hz)
            target_BK = augment.mix(target_BK, batch.mix)
        return Inputs(wav_BN, target_BK, draws and draws.masks_BM4, draws and draws.tempo_B)

    def loss(self, model: nn.Module, inputs: Inputs) -> Tensor:
        """What training makes small, a scalar; margins and the like are in it, and never in the metrics."""
        logits_BK = model(inputs.wav_BN, inputs.masks_BM4, inputs.tempo_B)
        weight_K = None if self._weight_K is None else self._weight_K.to(logits_BK.device)
        return self._loss(logits_BK, inputs.target_BK, weight_K)

    def score(self, network: Network, batch: Batch) -> Scores:
        """A row of logits for each clip."""
        return Scores(batch.row_B, batch.label_B, network(self.inputs(batch).wav_BN))

    def metrics(
        self,
        logits_NK: NDArray[np.floating],
        label_N: NDArray[np.integer],
        row_N: NDArray[np.integer] | None = None,
    ) -> dict[str, float]:
        """Everything in `metric_names`; `loss` is the plain log loss of the scores, without weights or smoothing."""
        matrix_KK = confusion(label_N, logits_NK.argmax(axis=1), len(self.labels))
        return {
            "accuracy": accuracy(matrix_KK),
            "macro_f1": macro_f1(matrix_KK),
            "uar": unweighted_average_recall(matrix_KK),
            "loss": float(log_loss(logits_NK, label_N, self._link).mean()),
            "ece": expected_calibration_error(logits_NK, label_N, link=self._link),
        }
