"""The config of one experiment: everything between a corpus and a bundle."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from models.base import Section
from models.spec import ModelConfig
from sonant.config.data import DataConfig
from sonant.config.export import ExportConfig
from sonant.config.ray import RayConfig
from sonant.config.task import ClassifyTask, TaskConfig
from sonant.config.track import TrackConfig
from sonant.config.train import TrainConfig
from sonant.config.tune import TuneConfig


class Experiment(Section):
    """One config in, one measured bundle out."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    """Name of the runs and of the bundle."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of weights, batches, augmentation and dropout."""
    task: TaskConfig = ClassifyTask()
    """What the outputs of the network mean: a label for each clip (classify), what is heard when (detect),
    or a vector to compare by (embed)."""
    model: ModelConfig
    data: DataConfig
    train: TrainConfig = TrainConfig()
    ray: RayConfig = RayConfig()
    track: TrackConfig = TrackConfig()
    export: ExportConfig = ExportConfig()
    tune: TuneConfig | None = None
    """Set in configs that `sonant tune` runs."""

    @model_validator(mode="after")
    def _loss_fits_the_head(self) -> Self:
        cosine = bool(getattr(self.model.head, "cosine", False))
        if isinstance(self.task, ClassifyTask) and self.task.loss.kind == "aam_softmax" and not cosine:
            raise ValueError("task.loss=aam_softmax needs cosines: use model.head={kind: embedding, cosine: true}")
        return self
