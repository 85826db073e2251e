"""How a search looks for a better config."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from models.base import Section

MUTABLE = ("train.lr", "train.clip_norm", "train.ema_decay", "task.", "data.augment.")
"""What may change while a trial runs: keys that training reads anew at each step or batch (a dot at the end: all that
is below). Others are part of the weights, of the optimiser's state or of the plan of steps."""


class _Dimension(Section):
    when: dict[str, tuple[Any, ...]] = {}
    """Only searched while these other keys have one of these values: {model.kind: [bc_resnet]}. Keys of the space that
    are named here stand above this one."""


class Choice(_Dimension):
    """One of a list; values may be any config value, whole sections included."""

    kind: Literal["choice"] = "choice"
    values: Annotated[tuple[Any, ...], Field(min_length=1)]
    """What there is to choose from."""


class _Range(_Dimension):
    log: bool = False
    """Equal chances for equal ratios."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        low, high = getattr(self, "low"), getattr(self, "high")  # noqa: B009 - each kind has its own number type
        if low > high:
            raise ValueError(f"low = {low} is above high = {high}")
        if self.log and low <= 0:
            raise ValueError(f"low = {low}: with log, both ends must be above 0")
        return self


class Float(_Range):
    """A number in a range."""

    kind: Literal["float"] = "float"
    low: float
    """Lower end."""
    high: float
    """Upper end."""


class Int(_Range):
    """A whole number in a range, ends included."""

    kind: Literal["int"] = "int"
    low: int
    """Lower end."""
    high: int
    """Upper end."""


Dimension = Annotated[Choice | Float | Int, Field(discriminator="kind")]


class Asha(Section):
    """Stops the worse part of the trials at growing numbers of epochs (Li et al. 2018, arXiv:1810.05934)."""

    kind: Literal["asha"] = "asha"
    grace_epochs: Annotated[int, Field(ge=1)] = 2
    """No trial is stopped before."""
    reduction: Annotated[int, Field(ge=2)] = 3
    """One of this many trials goes on at each rung."""


class Pbt(Section):
    """Population based training: bad trials copy good ones and vary the keys in `mutate` (Jaderberg et al. 2017,
    arXiv:1711.09846)."""

    kind: Literal["pbt"] = "pbt"
    every_epochs: Annotated[int, Field(ge=1)] = 2
    """Epochs between exchanges."""
    mutate: Annotated[tuple[str, ...], Field(min_length=1)] = ("train.lr",)
    """Keys of the space that may change while a trial runs (never the architecture)."""

    @model_validator(mode="after")
    def _can_change(self) -> Self:
        for key in self.mutate:
            if not any(key == known or (known.endswith(".") and key.startswith(known)) for known in MUTABLE):
                raise ValueError(f"{key} cannot change while a trial runs; these can: {', '.join(MUTABLE)}")
        return self


class NoScheduler(Section):
    """Every trial runs to its end."""

    kind: Literal["none"] = "none"


class Limit(Section):
    """A constraint: trials over it can never win."""

    metric: str
    """A validation metric, or a cost: params, macs_per_s (of audio), latency_ms (time to compute a clip, on one CPU
    thread of the machine that runs the search) or delay_ms (how long a sample of a live stream waits at most, whatever
    the machine). Configs over a cost are not even trained."""
    max: float | None = None
    """Largest value that is allowed."""
    min: float | None = None
    """Smallest value that is allowed."""

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.max is None and self.min is None:
            raise ValueError("set max, min or both")
        return self


class Confirm(Section):
    """What follows the search: its best configs are trained again with other seeds, and the best mean wins."""

    seeds: Annotated[int, Field(ge=2, le=100)] = 3
    """Trainings of each of these configs, with seeds that the search has not used: from scratch, and no scheduler cuts
    them short. Speakers and items of validation stay as they are."""
    best: Annotated[int, Field(ge=1, le=100)] = 1
    """How many configs: the best by the objective that keep the limits, none of them twice."""
    among: Literal["all", "front"] = "all"
    """front: only of those that no other beats in the objective and all costs of `pareto` at once."""


class TuneConfig(Section):
    """The space, the searcher, the scheduler and the objective."""

    space: Annotated[dict[str, Dimension], Field(min_length=1)]
    """Dotted config keys and what they may be, in the order they are drawn. A key with several ranges stands there once
    for each, with a word behind a slash (model.memory.size/gru) and a `when` of its own."""
    trials: Annotated[int, Field(ge=1)] = 20
    """Trials to run; configs that are over a cost are replaced and not counted."""
    concurrent: Annotated[int, Field(ge=1)] | None = None
    """Trials at once; null: as many as resources allow."""
    searcher: Literal["tpe", "random"] = "tpe"
    """Optuna's TPE, or random draws."""
    scheduler: Annotated[Asha | Pbt | NoScheduler, Field(discriminator="kind")] = Asha()
    """Which trials are cut short."""
    metric: str = "accuracy"
    """Objective: a validation metric. It also decides which checkpoint of a trial is its best."""
    mode: Literal["max", "min"] = "max"
    """Whether the objective should grow or fall."""
    limits: tuple[Limit, ...] = ()
    """Constraints that the winner must keep."""
    pareto: tuple[Literal["params", "macs_per_s", "latency_ms", "delay_ms"], ...] = ("macs_per_s",)
    """Costs (lower is better) shown against the objective in the report's Pareto table."""
    confirm: Confirm | None = None
    """Trains the best configs again with other seeds before one is named the winner; null: the best trial wins, whose
    figure is too good: of many single runs, the best one was lucky too."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of the searcher."""

    @model_validator(mode="after")
    def _mutates_what_is_searched(self) -> Self:
        if isinstance(self.scheduler, Pbt):
            strange = sorted(set(self.scheduler.mutate) - set(self.space))
            if strange:
                raise ValueError(f"scheduler.mutate names {', '.join(strange)}, which the space does not hold")
        return self

    @model_validator(mode="after")
    def _confirms_configs(self) -> Self:
        if self.confirm is None:
            return self
        if isinstance(self.scheduler, Pbt):
            raise ValueError("scheduler.kind=pbt finds a course of settings, no config to repeat: set confirm=null")
        if "seed" in self.space:
            raise ValueError("the space holds seed, which confirm changes: leave one of them out")
        if self.confirm.best > self.trials:
            raise ValueError(f"confirm.best = {self.confirm.best} of {self.trials} trials: set at most {self.trials}")
        return self
