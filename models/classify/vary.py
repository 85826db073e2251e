"""Variation of features [B, F, T] in training: what cannot be done to the wave.

Shapes: B clips, F feature rows, T frames, M spans.
"""

from __future__ import annotations

import torch
from torch import Tensor


def change_tempo(feat_BFT: Tensor, tempo_B: Tensor) -> Tensor:
    """Plays each clip `tempo` times as fast at the same pitch; its middle stays, the outermost frames are held.

    Frames in between are interpolated linearly. A raw wave, whose frames are samples, is left alone: its pitch would
    change, and data.augment.speed does that better.
    """
    frames = feat_BFT.shape[2]
    if feat_BFT.shape[1] == 1 or frames < 2:
        return feat_BFT
    offset_T = torch.arange(frames, device=feat_BFT.device) - (frames - 1) / 2
    position_BT = (torch.outer(tempo_B, offset_T) + (frames - 1) / 2).clamp(0, frames - 1)
    before_BT = position_BT.long().clamp_max(frames - 2)
    index_BFT = before_BT[:, None].expand_as(feat_BFT)
    return torch.lerp(
        feat_BFT.gather(2, index_BFT), feat_BFT.gather(2, index_BFT + 1), (position_BT - before_BT)[:, None]
    )


def mask_spans(feat_BFT: Tensor, masks_BM4: Tensor) -> Tensor:
    """SpecAugment (Park et al. 2019, arXiv:1904.08779): sets spans of each clip to the clip's own mean.

    A span (f0, f1, t0, t1) is a rectangle in fractions of the rows and frames; a span of no width masks nothing. A raw
    wave has no bands: what would mask a part of its only row masks nothing.
    """
    if feat_BFT.shape[1] == 1:
        masks_BM4 = masks_BM4 * (masks_BM4[..., 1:2] - masks_BM4[..., :1] >= 1)
    f0_BM1, f1_BM1, t0_BM1, t1_BM1 = masks_BM4.split(1, dim=-1)
    row_F = _centres(feat_BFT.shape[1], feat_BFT)
    frame_T = _centres(feat_BFT.shape[2], feat_BFT)
    band_BMF = (row_F >= f0_BM1) & (row_F < f1_BM1)
    stretch_BMT = (frame_T >= t0_BM1) & (frame_T < t1_BM1)
    hit_BFT = (band_BMF[..., None] & stretch_BMT[:, :, None]).any(1)
    return torch.where(hit_BFT, feat_BFT.mean((1, 2), keepdim=True), feat_BFT)


def _centres(count: int, like: Tensor) -> Tensor:
    """The middle of each of `count` cells, as fractions of the whole."""
    return (torch.arange(count, device=like.device, dtype=torch.float32) + 0.5) / count
