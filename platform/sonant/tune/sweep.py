"""A sweep: the folder (or URL) that holds everything about one search.

    <track.runs>/<name>-search/<id>/
        config.yaml        resolved, with the space; can be searched again as it is
        sweep.json         every trial: its point, costs, metrics and state; the winner, Pareto front and importances;
                           the best configs again with other seeds, and means over those
        trials/<n>/        an ordinary run folder each
        repeats/<n>-seed<s>/   likewise, of trial n's config with another seed

sweep.json is all the memory that a search has. It is written whole at each change, and continuing a search, whoever or
whatever stopped it, reads nothing else: data only, no pickled searcher.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from sonant.config.experiment import Experiment
from sonant.config.load import Tree, dump, load
from sonant.config.tune import TuneConfig
from sonant.errors import ConfigError, RunError
from sonant.track import files
from sonant.track.events import finite
from sonant.train.run import resolve
from sonant.tune import confirm, objective
from sonant.tune.confirm import Confirmed
from sonant.tune.importance import importances
from sonant.tune.rows import Key, Repeat, Row, Trial
from sonant.tune.space import Point

_CONFIG, _TABLE = "config.yaml", "sweep.json"
_MAY_DIFFER = {"ray": True, "track": True, "export": True, "tune": {"trials", "concurrent", "confirm"}}
"""What may change when a search is continued: how it runs and how long, not what it looks for."""


@dataclass(frozen=True)
class Winner:
    """The config that is taken on, and the run that it is taken from."""

    number: int
    """Its trial."""
    run: str
    """Run folder: of its best seed on validation, where other seeds were trained."""
    confirmed: Confirmed | None = None
    """Means over those seeds."""


@dataclass
class Sweep:
    """A sweep's place, its resolved config, its trials by number and what was trained again. One process writes."""

    path: str
    config: Experiment
    trials: dict[int, Trial] = field(default_factory=dict[int, Trial])
    repeats: dict[Key, Repeat] = field(default_factory=dict[Key, Repeat])

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

    def run(self, number: int, seed: int | None = None) -> str:
        """The run folder of a trial, or of its config with another seed."""
        where = ("trials", str(number)) if seed is None else ("repeats", f"{number}-seed{seed}")
        return files.join(self.path, *where)

    def record(self, *rows: Row) -> None:
        """Adds or replaces rows, and writes the table."""
        self.trials |= {row.number: row for row in rows if isinstance(row, Trial)}
        self.repeats |= {row.key: row for row in rows if isinstance(row, Repeat)}
        self.write()

    def leader(self) -> int | None:
        """The best single trial."""
        return objective.winner(self.settings, self._judged())

    def wanted(self) -> list[Key]:
        """Trials and seeds that are to be trained again, as far as the search has come."""
        settings = self.settings
        if settings.confirm is None:
            return []
        numbers = confirm.chosen(settings, settings.confirm, self.trials, self._judged())
        return confirm.keys(numbers, settings.confirm, self.config.seed)

    def left(self) -> list[Key]:
        """Those that are still to be trained, or to be finished. One that failed may have lost its process only: it is
        among them."""
        return [key for key in self.wanted() if key not in self.repeats or self.repeats[key].state != "done"]

    def begin(self, keys: list[Key]) -> None:
        """Enters what is about to be trained again, and drops what was not finished and is not wanted any more."""
        kept = {key: repeat for key, repeat in self.repeats.items() if repeat.state == "done"}
        going = {key: self.repeats.get(key, Repeat(trial=key[0], seed=key[1])) for key in keys}
        renewed = {key: repeat.model_copy(update={"state": "running", "note": ""}) for key, repeat in going.items()}
        self.repeats = kept | renewed
        self.write()

    @property
    def under_way(self) -> bool:
        """Whether something that is wanted was begun and has not come to an end."""
        rows: list[Row] = [*self.trials.values(), *(self.repeats[key] for key in self.wanted() if key in self.repeats)]
        return any(row.state == "running" for row in rows)

    def confirmed(self) -> list[Confirmed]:
        """Configs that were trained again, the best mean first."""
        settings = self.settings
        if settings.confirm is None:
            return []
        return confirm.summary(settings, settings.confirm, self.trials, self.repeats)

    def winner(self) -> Winner | None:
        """The best mean over seeds once all seeds have been trained; until then, or where none are asked for, the best
        trial."""
        wanted = self.wanted()
        if not wanted or any(key not in self.repeats or self.repeats[key].state == "running" for key in wanted):
            leader = self.leader()
            return None if leader is None else Winner(leader, self.run(leader))
        best = confirm.winner(self.settings, self.confirmed())
        return None if best is None else Winner(best.trial, self.run(best.trial, best.best(self.settings)), best)

    def write(self) -> None:
        settings, judged, winner = self.settings, self._judged(), self.winner()
        table = {
            "format": 1,
            "name": self.config.name,
            "id": self.id,
            "metric": settings.metric,
            "mode": settings.mode,
            "limits": [limit.model_dump() for limit in settings.limits],
            "pareto": settings.pareto,
            "best": winner and winner.number,
            "best_run": winner and winner.run.removeprefix(f"{self.path}/"),
            "front": objective.front(settings, judged),
            "importances": importances(settings, [(self.trials[n].point, judged[n]) for n in sorted(judged)]),
            "confirmed": [each.told() for each in self.confirmed()],
            "repeats": [self.repeats[key].model_dump(mode="json") for key in sorted(self.repeats)],
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
    table = files.read_json(files.join(path, _TABLE))
    trials = [Trial.model_validate(_without_nulls(row)) for row in table["trials"]]
    repeats = [Repeat.model_validate(_without_nulls(row)) for row in table.get("repeats", [])]
    by_number, by_key = {trial.number: trial for trial in trials}, {repeat.key: repeat for repeat in repeats}
    return Sweep(path, config, by_number, by_key)


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
