"""Embed: vectors of recordings, learned by telling the training speakers apart, judged on pairs of others."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.classify.base import Classifier
from models.heads import HeadConfig
from sonant.audio.samples import INT16_SCALE
from sonant.config.loss import AamSoftmax
from sonant.config.task import EmbedTask
from sonant.data import augment
from sonant.data.batch import Batch
from sonant.errors import ConfigError
from sonant.losses import table
from sonant.losses.cross_entropy import soft_targets
from sonant.metrics import roc
from sonant.metrics.verification import Ints, Trials, cosines, min_dcf, pairs
from sonant.runtime.vectors import pooled
from sonant.tasks.task import Inputs, Network, Scores

_AT_ONCE = 8
"""Windows of a recording in one call."""


class Embed:
    """The task of an embedder. Letters: B batch, N samples (or recordings), W windows of one, K training speakers, E
    numbers of an embedding. What a classifier calls logits are embeddings here, and labels number identities."""

    of_frames = False
    metric_names = ("eer", "min_dcf_01", "min_dcf_05", "auc")

    def __init__(self, cfg: EmbedTask, labels: tuple[str, ...]) -> None:
        self.cfg, self.labels = cfg, labels
        self._loss = table.create(cfg.loss)

    def inputs(self, batch: Batch, *, training: bool = False) -> Inputs:
        """A batch as floats on its device. Training varies and mixes clips as the batch says, and smooths targets."""
        wav_BN = batch.wav_BN.to(torch.float32) / INT16_SCALE
        if not training:
            return Inputs(wav_BN, wav_BN.new_zeros(len(wav_BN), 0), None)
        target_BK = soft_targets(batch.label_B, len(self.labels), self.cfg.label_smoothing)
        draws = batch.draws
        if draws is not None:
            wav_BN = augment.apply(wav_BN, draws)
        if draws is not None and batch.mix is not None:
            wav_BN = augment.mix_waves(wav_BN, batch.mix, draws.sample_rate_hz)
            target_BK = augment.mix(target_BK, batch.mix)
        return Inputs(wav_BN, target_BK, draws and draws.masks_BM4, draws and draws.tempo_B)

    def loss(self, model: nn.Module, inputs: Inputs) -> Tensor:
        """How badly the training speakers are told apart, a scalar."""
        outputs_BK = model(inputs.wav_BN, inputs.masks_BM4, inputs.tempo_B)
        return self._loss(outputs_BK, inputs.target_BK, None)

    def score(self, network: Network, batch: Batch) -> Scores:
        """The embedding of one whole recording, from its windows as a server makes it."""
        embed = network.embed if isinstance(network, Classifier) else network
        wav_WN = self.inputs(batch).wav_BN
        emb_WE = torch.cat([embed(part) for part in wav_WN.split(_AT_ONCE)])
        emb_1E = torch.from_numpy(pooled(emb_WE.float().cpu().numpy())[None])
        return Scores(batch.row_B, batch.label_B, emb_1E)

    def trials(self, identity_N: Ints) -> Trials:
        """The pairs of recordings that are judged."""
        return pairs(identity_N, most=self.cfg.most_trials, balanced=self.cfg.trials == "balanced")

    def metrics(
        self,
        logits_NK: NDArray[np.floating],
        label_N: NDArray[np.integer],
        row_N: NDArray[np.integer] | None = None,
    ) -> dict[str, float]:
        """Everything in `metric_names`, over the pairs of recordings."""
        trials = self.trials(label_N.astype(np.int64))
        return figures(cosines(logits_NK, trials), trials)


def figures(score_P: NDArray[np.floating], trials: Trials) -> dict[str, float]:
    """What the scores of trials amount to: equal error rate, smallest detection costs, area under the ROC curve."""
    curve = roc.det(score_P, trials.same_P)
    return {
        "eer": roc.equal_error(curve)[0],
        "min_dcf_01": min_dcf(curve, 0.01),
        "min_dcf_05": min_dcf(curve, 0.05),
        "auc": roc.auc(curve),
    }


def check_head(task: EmbedTask, head: HeadConfig) -> None:
    """A loss of cosines and a head that gives them belong together."""
    cosine = bool(getattr(head, "cosine", False))
    if cosine != isinstance(task.loss, AamSoftmax):
        told = f"task.loss.kind={task.loss.kind} does not fit model.head.cosine={str(cosine).lower()}"
        hint = "aam_softmax with model.head={kind: embedding, cosine: true}, or cross_entropy without cosine"
        raise ConfigError("config.invalid", told, hint=hint)
