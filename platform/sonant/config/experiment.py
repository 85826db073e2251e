"""The config of one experiment: everything between a corpus and a bundle."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from models.base import Section
from models.classify.base import ClassifierConfig
from models.spec import SPECS, AnyNetworkConfig
from sonant.config.data import DataConfig
from sonant.config.export import ExportConfig
from sonant.config.ray import RayConfig
from sonant.config.task import ClassifyTask, EmbedTask, TaskConfig
from sonant.config.track import TrackConfig
from sonant.config.train import TrainConfig
from sonant.config.tune import TuneConfig

_SOUND = {"extract": "mixtures", "enhance": "noisy"}
"""Tasks whose answer is sound, and the section of `data` that says what they hear."""


class Experiment(Section):
    """One config in, one measured bundle out."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
    """Name of the runs and of the bundle."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of weights, batches, augmentation and dropout."""
    task: TaskConfig = ClassifyTask()
    """What the outputs of the network mean: a label for each clip (classify), what is heard when (detect),
    a vector to compare by (embed), a wanted voice (extract), or speech without its noise (enhance)."""
    model: AnyNetworkConfig
    data: DataConfig
    train: TrainConfig = TrainConfig()
    ray: RayConfig = RayConfig()
    track: TrackConfig = TrackConfig()
    export: ExportConfig = ExportConfig()
    tune: TuneConfig | None = None
    """Set in configs that `sonant tune` runs."""

    @property
    def classifier(self) -> ClassifierConfig:
        """The network of a task whose answers are labels or vectors of clips."""
        assert isinstance(self.model, ClassifierConfig), "the task and the network have been checked together"
        return self.model

    @model_validator(mode="after")
    def _network_fits_the_task(self) -> Self:
        # Networks whose answers are labels serve several tasks; those whose answer is sound, their own.
        job = self.task.kind if self.task.kind in _SOUND else "labels"
        fitting = [kind for kind, spec in SPECS.items() if (spec.job if spec.job in _SOUND else "labels") == job]
        if self.model.kind not in fitting:
            told = f"model.kind={self.model.kind} is no network for task.kind={self.task.kind}"
            raise ValueError(f"{told}: use {', '.join(fitting)}")
        for task, section in _SOUND.items():
            if (self.task.kind == task) != (getattr(self.data, section) is not None):
                told = "needs" if self.task.kind == task else "has no use for"
                raise ValueError(f"task.kind={self.task.kind} {told} data.{section}")
        return self

    @model_validator(mode="after")
    def _loss_fits_the_head(self) -> Self:
        """A loss of cosines needs a head that gives them; embeddings of such a head learn nothing from another loss."""
        if isinstance(self.task, ClassifyTask | EmbedTask):
            cosine, kind = bool(getattr(self.classifier.head, "cosine", False)), self.task.loss.kind
            angular = kind == "aam_softmax"
            if (angular and not cosine) or (cosine and not angular and isinstance(self.task, EmbedTask)):
                told = f"task.loss.kind={kind} does not fit model.head.cosine={str(cosine).lower()}"
                hint = "aam_softmax wants model.head={kind: embedding, cosine: true}, cross_entropy no cosine"
                raise ValueError(f"{told}: {hint}")
        return self
