"""How a network is trained."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.base import Section


class Cosine(Section):
    """Warm-up, then half a cosine down to a share of the peak rate."""

    kind: Literal["cosine"] = "cosine"
    warmup_share: Annotated[float, Field(ge=0, lt=1)] = 0.05
    """Share of all steps in which the rate rises linearly."""
    final_share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Last rate as a share of the peak."""


class Plateau(Section):
    """Lowers the rate when the watched metric stops improving."""

    kind: Literal["plateau"] = "plateau"
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.3
    """The rate is multiplied by this."""
    patience_epochs: Annotated[int, Field(ge=0)] = 5
    """Epochs without improvement before that."""


class Constant(Section):
    """One rate throughout."""

    kind: Literal["constant"] = "constant"


Schedule = Annotated[Cosine | Plateau | Constant, Field(discriminator="kind")]


class TrainConfig(Section):
    """Optimiser, schedule, length, precision and checkpoints of a run."""

    epochs: Annotated[int, Field(ge=1)] = 30
    """Passes over the training clips (times data.repeat)."""
    lr: Annotated[float, Field(gt=0)] = 2e-3
    """Peak learning rate of AdamW."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    """Decay of weights with two or more dimensions; biases and norms have none."""
    schedule: Schedule = Cosine()
    clip_norm: Annotated[float, Field(gt=0)] | None = 5.0
    """Largest gradient norm; null leaves gradients alone."""
    ema_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Decay of the moving average of the weights that is validated and exported; 0 turns it off."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """Autocast type of the forward pass; fp16 adds loss scaling. Masters are always fp32."""
    metric: str = "accuracy"
    """Validation metric that decides which checkpoint is best."""
    mode: Literal["max", "min"] = "max"
    """Whether the metric should grow or fall."""
    keep: Literal["best", "last"] = "best"
    """The checkpoint that is judged and exported: best by the metric, or that of the last epoch. With few validation
    clips, as in small corpora, the best one is a matter of chance."""
    patience_epochs: Annotated[int, Field(ge=1)] | None = None
    """Stops after this many epochs without improvement; null never stops early."""
    checkpoint_every_steps: Annotated[int, Field(ge=1)] | None = None
    """Also checkpoints inside epochs; null: at the end of each."""
    compile: bool = False
    """Compiles the forward pass with torch.compile."""
    threads: Annotated[int, Field(ge=1)] | None = None
    """Torch threads of each worker; null lets torch choose."""

    @model_validator(mode="after")
    def _waits_for_a_metric(self) -> Self:
        if self.keep == "last" and (self.patience_epochs is not None or isinstance(self.schedule, Plateau)):
            raise ValueError("patience_epochs and schedule.kind=plateau wait for a best epoch, which keep=last has not")
        return self
