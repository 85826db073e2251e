"""The learning rate as a pure function of where training stands: nothing to save, nothing to restore."""

from __future__ import annotations

import math

from sonant.config.train import Constant, Cosine, Plateau, TrainConfig


def rate(settings: TrainConfig, *, step: int, total: int, reductions: int) -> float:
    """Rate of step `step` (from 0) of `total`; `reductions` counts how often a plateau has lowered it."""
    match settings.schedule:
        case Cosine() as schedule:
            return settings.lr * _cosine(schedule, step, total)
        case Plateau(factor=factor):
            return settings.lr * factor**reductions
        case Constant():
            return settings.lr


def _cosine(schedule: Cosine, step: int, total: int) -> float:
    """Linear warm-up, then half a cosine (Loshchilov & Hutter 2017, equation 5, one cycle)."""
    warmup = round(schedule.warmup_share * total)
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, total - warmup)
    return schedule.final_share + (1.0 - schedule.final_share) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))
