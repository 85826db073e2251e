"""Logistic regression on statistics of features: what every network has to beat, and enough for small corpora.

A clip becomes the means of its features over n equal parts of what is loud in it, and their deviation over all of that;
standardised by what training saw, they go into one linear layer, whose softmax is multinomial logistic regression.

Shapes: B clips, F rows, T frames, S segments.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig

SILENT, SOUNDING = 0.25, 0.375
"""Where sound begins and where it is all there, between the quietest frame of a clip (0) and the loudest (1)."""


class BaselineConfig(ClassifierConfig):
    """Logistic regression on the statistics of a clip's features; the head is part of it."""

    streams: ClassVar[bool] = False

    kind: Literal["baseline"] = "baseline"
    segments: Annotated[int, Field(ge=1, le=200)] = 12
    """Equal parts of the sounding span whose means are taken: order in time, as in words; 1: none, as in moods."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the statistics that is dropped in training: its regularisation, with train.weight_decay."""
    features: FeatureConfig = FeatureConfig(kind="mfcc", n_mfcc=20, deltas=1)

    @model_validator(mode="after")
    def _has_its_own_head(self) -> Self:
        if self.head.kind != "mean":
            raise ValueError(f"head.kind={self.head.kind} does not fit statistics of the whole clip: leave head out")
        return self


class Statistics(nn.Module):
    """[B, F, T] -> [B, F (S + 1), 1]: means of each segment, then deviations over the whole span.

    Segments share the activity of the clip equally, not its frames: before and after the sound there is little of it.
    """

    level: Tensor

    def __init__(self, level_F: Tensor, segments: int) -> None:
        super().__init__()
        self.segments = segments
        self.register_buffer("level", level_F, persistent=False)

    def forward(self, feat_BFT: Tensor) -> Tensor:
        activity_BT = self.activity(feat_BFT)
        share_BT = activity_BT / activity_BT.sum(1, keepdim=True)
        mean_BFS = feat_BFT @ shares(share_BT, self.segments).transpose(1, 2)
        # The mean over all segments is the mean over the span: each has the same share of it.
        spread_BFT = feat_BFT - mean_BFS.mean(2, keepdim=True)
        variance_BF1 = (spread_BFT.square() * share_BT[:, None]).sum(2, keepdim=True)
        return torch.cat([mean_BFS.flatten(1), (variance_BF1 + 1e-5).sqrt().flatten(1)], 1)[..., None]

    def activity(self, feat_BFT: Tensor) -> Tensor:
        """How much each frame is part of the sound, between 0 and 1, [B, T]; in a clip without any difference in
        level, all alike."""
        level_BT = (feat_BFT * self.level[:, None]).sum(1)
        low_B1, high_B1 = level_BT.amin(1, keepdim=True), level_BT.amax(1, keepdim=True)
        height_BT = (level_BT - low_B1) / (high_B1 - low_B1 + 1e-3)
        activity_BT = ((height_BT - SILENT) / (SOUNDING - SILENT)).clamp(0.0, 1.0)
        # A trace everywhere: a clip that is the same all along is all sound.
        return activity_BT + 1e-5


def shares(share_BT: Tensor, segments: int) -> Tensor:
    """How much each frame counts in each segment, [B, S, T]; a segment's weights sum to 1.

    With frames laid end to end as stretches of [0, 1], as long as their shares, it is how much of segment s, which is
    [s / S, (s + 1) / S], the frame covers. So no segment is ever empty, however few frames there are.
    """
    end_BT = share_BT.cumsum(1)
    start_BT = F.pad(end_BT[:, :-1], (1, 0))
    low_S1 = torch.arange(segments, device=share_BT.device, dtype=share_BT.dtype)[:, None] / segments
    covered_BST = torch.minimum(end_BT[:, None], low_S1 + 1 / segments) - torch.maximum(start_BT[:, None], low_S1)
    return segments * covered_BST.clamp_min(0.0)


def level_weights(features: FeatureConfig, rows: int) -> Tensor:
    """The linear map from feature rows to loudness, [F], up to a factor: activity asks only which frames are louder
    than which. Deltas say nothing of it."""
    weight_F = torch.zeros(rows)
    static = rows // (1 + features.deltas)
    match features.kind:
        case "mfcc":
            weight_F[0] = 1.0
        case "spectral":
            weight_F[2] = 1.0
        case _:
            weight_F[:static] = 1 / static
    return weight_F


class Baseline(Encoder):
    """[B, F, T] -> [B, F (S + 1), 1]: one standardised vector a clip, as if it were a single frame."""

    def __init__(self, config: BaselineConfig, rows: int) -> None:
        channels = rows * (config.segments + 1)
        super().__init__(
            Statistics(level_weights(config.features, rows), config.segments),
            nn.BatchNorm1d(channels, affine=False),
        )
        self.channels, self.stride = channels, 1


def build(config: BaselineConfig) -> Classifier:
    """The whole network, with fresh weights."""
    return assemble(config, lambda rows: Baseline(config, rows), dropout=config.dropout)
