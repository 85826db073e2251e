"""A sweep: the folder (or URL) that holds everything about one search.

    <track.runs>/<name>-search/<id>/
        config.yaml        resolved, with the space; can be searched again as it is
        sweep.json         every trial: its point, costs, metrics and state; the winner, Pareto front and importances
        trials/<n>/        an ordinary run folder each

sweep.json is all the memory that a search has. It is written whole at each change, and continuing a search, whoever or
whatever stopped it, reads nothing else: data only, no pickled searcher.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import Field

from models.base import Section
from sonant.config.experiment import Experiment
from sonant.config.load import Tree, dump, load
from sonant.config.tune import TuneConfig
from sonant.errors import ConfigError, RunError
from sonant.track import files
from sonant.track.events import finite
from sonant.train.run import resolve
from sonant.tune import objective
from sonant.tune.importance import importances
from sonant.tune.space import Point

_CONFIG, _TABLE = "config.yaml", "sweep.json"
_MAY_DIFFER = {"ray": True, "track": True, "export": True, "tune": {"trials", "concurrent"}}
"""What may change when a search is continued: how it runs and how long, not what it looks for."""


class Trial(Section):
    """One trial of a sweep, as sweep.json tells it."""

    number: int
    """From 0, in the order of the draws."""
    state: Literal["running", "done", "stopped", "rejected", "failed"]
    """stopped: cut short by the scheduler; rejected: over a cost, never trained."""
    point: dict[str, Any]
    """Chosen values by dotted key."""
    costs: dict[str, float] = Field(default_factory=dict[str, float])
    """params, macs_per_s and, where it is limited or shown, latency_ms."""
    metrics: dict[str, float] = Field(default_factory=dict[str, float])
    """Validation metrics of the best epoch so far."""
    epochs: int = 0
    """Epochs trained."""
    seconds: float = 0.0
    """Time spent on them."""
    note: str = ""
    """Why it was rejected or failed."""

    @property
    def values(self) -> dict[str, float]:
        return {**self.costs, **self.metrics}


@dataclass
class Sweep:
    """A sweep's place, its resolved config and its trials by number. One process writes."""

    path: str
    config: Experiment
    trials: dict[int, Trial] = field(default_factory=dict[int, Trial])

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def settings(self) -> TuneConfig:
        assert self.config.tune is not None, "a sweep's config has a space"
        return self.config.tune

    @property
    def base(self) -> Tree:
        """What points are put over: the config of a trial as far as the space leaves it alone."""
        base = self.config.model_dump(mode="json")
        base["tune"] = None
        base["train"] |= {"metric": self.settings.metric, "mode": self.settings.mode}
        base["track"] |= {"group": self.id}
        # What follows from the network and the corpus is worked out for each trial anew.
        base["model"] |= {key: None for key in ("outputs", "speakers") if key in base["model"]}
        return base

    def run(self, number: int) -> str:
        """The run folder of a trial."""
        return files.join(self.path, "trials", str(number))

    def record(self, trial: Trial) -> None:
        """Adds or replaces a trial, and writes the table."""
        self.trials[trial.number] = trial
        self.write()

    def best(self) -> int | None:
        return objective.winner(self.settings, self._judged())

    def write(self) -> None:
        settings, judged = self.settings, self._judged()
        table = {
            "format": 1,
            "name": self.config.name,
            "id": self.id,
            "metric": settings.metric,
            "mode": settings.mode,
            "limits": [limit.model_dump() for limit in settings.limits],
            "pareto": settings.pareto,
            "best": objective.winner(settings, judged),
            "front": objective.front(settings, judged),
            "importances": importances(settings, [(self.trials[n].point, judged[n]) for n in sorted(judged)]),
            "trials": [self.trials[number].model_dump(mode="json") for number in sorted(self.trials)],
        }
        files.write_json(files.join(self.path, _TABLE), finite(table))

    def _judged(self) -> dict[int, dict[str, float]]:
        """What is known of the trials that got somewhere."""
        return {n: trial.values for n, trial in self.trials.items() if trial.metrics and trial.state != "failed"}


def create_sweep(cfg: Experiment) -> Sweep:
    """Resolves a config and gives it a new sweep folder."""
    if cfg.tune is None:
        raise ConfigError("config.invalid", f"{cfg.name} has no tune section", hint="see configs/kws/tc_resnet_search")
    config = resolve(cfg)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    sweep = Sweep(files.join(config.track.runs, f"{config.name}-search", f"{stamp}-{secrets.token_hex(2)}"), config)
    files.make_folder(sweep.path)
    files.write_bytes(files.join(sweep.path, _CONFIG), dump(config).encode())
    sweep.write()
    return sweep


def open_sweep(url: str) -> Sweep:
    """Opens an existing sweep with all its trials."""
    path = files.absolute(url).rstrip("/")
    if not files.exists(files.join(path, _TABLE)):
        raise RunError("run.not_found", f"{url} is no sweep folder: it holds no {_TABLE}", hint="see `sonant tune`")
    config: Experiment = load(Experiment, files.join(path, _CONFIG))
    rows = files.read_json(files.join(path, _TABLE))["trials"]
    trials = [Trial.model_validate(_without_nulls(row)) for row in rows]
    return Sweep(path, config, {trial.number: trial for trial in trials})


def reopen_sweep(cfg: Experiment, url: str) -> Sweep:
    """Opens a sweep to continue it, perhaps for more trials. What decides the results must be as it was."""
    sweep = open_sweep(url)
    given = resolve(cfg)
    one, other = (config.model_dump(mode="json", exclude=_MAY_DIFFER) for config in (given, sweep.config))
    for section in one:
        if one[section] != other[section]:
            hint = f"continue with {files.join(sweep.path, _CONFIG)}, or start a new search"
            raise ConfigError("config.invalid", f"{section} is not what {url} was made with", hint=hint)
    sweep.config = given.model_copy(update={"track": sweep.config.track})
    files.write_bytes(files.join(sweep.path, _CONFIG), dump(sweep.config).encode())
    return sweep


def point_of(trial: Trial, settings: TuneConfig) -> Point:
    """A trial's point in the order of the space, as it was drawn."""
    return {key: trial.point[key] for key in settings.space if key in trial.point}


def _without_nulls(row: dict[str, Any]) -> dict[str, Any]:
    """Metrics that were NaN are null in JSON: here they are unknown."""
    known = {name: value for name, value in row["metrics"].items() if value is not None}
    return {**row, "metrics": known}
