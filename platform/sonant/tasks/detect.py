"""Detect: when is something heard, told at every frame."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.audio.samples import INT16_SCALE
from sonant.config.task import DetectTask
from sonant.data import augment
from sonant.data.batch import Batch
from sonant.data.targets import FrameGrid
from sonant.losses.bce import bce
from sonant.metrics import roc
from sonant.runtime import frames
from sonant.runtime.scores import sigmoid
from sonant.tasks.operating import segment_error
from sonant.tasks.task import Inputs, Network, Scores

_AT_ONCE = 8
"""Windows of a recording in one call."""


class Detect:
    """The task of a detector. Letters: B batch, N samples (or frames of all recordings), T frames, K labels."""

    of_frames = True
    metric_names = ("auc", "eer", "miss_at_fa1", "miss_at_fa5", "f1", "segment_error", "loss")

    def __init__(self, cfg: DetectTask, labels: tuple[str, ...], grid: FrameGrid | None) -> None:
        self.labels = labels
        self.cfg, self._grid = cfg, grid

    @property
    def grid(self) -> FrameGrid:
        assert self._grid is not None, "a task that only tells its metrics has no frames"
        return self._grid

    def inputs(self, batch: Batch, *, training: bool = False) -> Inputs:
        """A batch as floats on its device; training varies the sound as the batch says, which moves nothing in time."""
        assert batch.target_BTK is not None, "batches of a loader with a grid"
        wav_BN = batch.wav_BN.to(torch.float32) / INT16_SCALE
        masks_BM4 = None
        if training and batch.draws is not None:
            wav_BN, masks_BM4 = augment.apply(wav_BN, batch.draws), batch.draws.masks_BM4
        return Inputs(wav_BN, batch.target_BTK.to(torch.float32), masks_BM4)

    def loss(self, model: nn.Module, inputs: Inputs) -> Tensor:
        """Mean binary cross entropy of frames and labels, a scalar."""
        logits_BTK = model(inputs.wav_BN, inputs.masks_BM4)
        count = min(logits_BTK.shape[1], inputs.target_BK.shape[1])
        # Frames whose delayed answer speaks of what was before the window are not asked for.
        told = slice(min(self.grid.layout.delay, count - 1), count)
        logits_BTK, target_BTK = logits_BTK[:, told], inputs.target_BK[:, told]
        return bce(logits_BTK, target_BTK, positive_weight=self.cfg.positive_weight) / len(self.labels)

    def score(self, network: Network, batch: Batch) -> Scores:
        """The frames of one whole recording, judged window by window as a server does."""
        inputs, layout = self.inputs(batch), self.grid.layout
        wav_N = inputs.wav_BN[0].cpu().numpy()
        wav_WN = torch.from_numpy(frames.windows(layout, wav_N)).to(inputs.wav_BN.device)
        logits_WTK = torch.cat([network(part) for part in wav_WN.split(_AT_ONCE)]).float().cpu().numpy()
        logits_TK = torch.from_numpy(frames.join(layout, logits_WTK, len(wav_N)))
        row_T = batch.row_B.cpu().repeat(len(logits_TK))
        return Scores(row_T, inputs.target_BK[0].cpu().to(torch.long), logits_TK)

    def metrics(
        self,
        logits_NK: NDArray[np.floating],
        label_N: NDArray[np.integer],
        row_N: NDArray[np.integer] | None = None,
    ) -> dict[str, float]:
        """Everything in `metric_names`: of frames, means over the labels that are heard in some of them and not in all.

        `segment_error` is that of the segments which the config's own postprocess makes: missed and false time by the
        time in which labels are heard.
        """
        target_NK = label_N.reshape(logits_NK.shape)
        assert row_N is not None, "frames are judged recording by recording"
        tables = [_figures(logits_NK[:, k], target_NK[:, k]) for k in range(len(self.labels))]
        mean = {name: _mean([table[name] for table in tables]) for name in tables[0]}
        probability_NK = sigmoid(logits_NK.astype(np.float32))
        rules = [self.cfg.postprocess] * len(self.labels)
        frame_s = self.grid.layout.frame / self.grid.rate_hz
        return mean | {
            "segment_error": segment_error(probability_NK, target_NK, row_N, rules, frame_s),
            "loss": float((np.logaddexp(0.0, logits_NK.astype(np.float64)) - logits_NK * target_NK).mean()),
        }


def _figures(score_N: NDArray[np.floating], positive_N: NDArray[np.integer]) -> dict[str, float]:
    curve = roc.det(score_N, positive_N)
    positives = int(positive_N.sum())
    return {
        "auc": roc.auc(curve),
        "eer": roc.equal_error(curve)[0],
        "miss_at_fa1": roc.miss_at(curve, 0.01),
        "miss_at_fa5": roc.miss_at(curve, 0.05),
        "f1": roc.best_f1(curve, positives, len(positive_N) - positives),
    }


def _mean(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
