"""What a run learns to do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.base import Section
from sonant.config.loss import CrossEntropy, LossConfig


class EventRule(Section):
    """How frame scores of a live stream become events."""

    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.7
    """Smoothed probability from which a label counts as heard."""
    smooth_ms: Annotated[float, Field(ge=0)] = 150.0
    """Length of the moving average over probabilities."""
    refractory_ms: Annotated[float, Field(ge=0)] = 700.0
    """Time after an event in which the same label is not reported again."""
    release: Annotated[float, Field(gt=0, lt=1)] = 0.4
    """Smoothed probability under which an event ends."""


class ClassifyTask(Section):
    """One label for each clip."""

    kind: Literal["classify"] = "classify"
    loss: LossConfig = CrossEntropy()
    """What is made small in training: a section, or only its kind."""
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of the target spread over all labels, whatever the loss."""
    class_weights: bool = False
    """Weighs labels by their rarity in the training set, whatever the loss."""
    background: tuple[str, ...] = ("_silence_", "_unknown_")
    """Labels that stand for "none of the words": never reported as events."""
    events: EventRule = EventRule()


TaskConfig = ClassifyTask
