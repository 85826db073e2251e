"""A run: the folder (or URL) that holds everything about one training.

<track.runs>/<name>/<id>/
    config.yaml        resolved: outputs, labels and absolute paths are filled in; can be trained again as it is
    environment.json   git commit, versions, machine
    events.jsonl       what happened
    checkpoints/       last/ and best/
    review/            confusion matrices, predictions, the worst clips to listen to
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any, cast

from torch import nn

from models.classify.pretrained import HUB
from models.enhance.base import EnhancerConfig
from models.extract.base import ExtractorConfig
from models.spec import create
from sonant import tasks
from sonant.config.experiment import Experiment
from sonant.config.load import check, dump, load
from sonant.data.corpus import Corpus
from sonant.errors import ConfigError, RunError
from sonant.track import environment, files
from sonant.train import checkpoint

_CONFIG = "config.yaml"
_MAY_DIFFER = {"ray", "track", "export", "tune"}
"""Sections that do not change what a continued run computes."""


@dataclass(frozen=True)
class Run:
    """A run's place and its resolved config."""

    path: str
    config: Experiment

    @property
    def id(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def labels(self) -> tuple[str, ...]:
        assert self.config.data.labels is not None, "the config of a run is resolved"
        return self.config.data.labels

    def checkpoint(self, which: str) -> str:
        """Folder of the checkpoint "best" or "last"."""
        return files.join(self.path, "checkpoints", which)

    def load_model(self, which: str = "best") -> nn.Module:
        """The network with the weights of a checkpoint, on the CPU, in eval mode."""
        model = create(self.config.model)
        try:
            model.load_state_dict(checkpoint.load_weights(self.checkpoint(which)))
        except RuntimeError as error:
            raise RunError("run.invalid", f"{self.path}: the {which} weights are not of its network: {error}") from None
        return model.eval()


@dataclass(frozen=True)
class Result:
    """What training hands back: the run folder, and the metrics of its best checkpoint by split."""

    path: str
    metrics: dict[str, dict[str, float]]


def create_run(cfg: Experiment) -> Run:
    """Resolves a config and gives it a new run folder. Mistakes in the config or the corpus are found here."""
    config = resolve(cfg)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    run = Run(files.join(config.track.runs, config.name, f"{stamp}-{secrets.token_hex(2)}"), config)
    files.make_folder(run.path)
    files.write_json(files.join(run.path, "environment.json"), environment.collect(config.seed))
    files.write_bytes(files.join(run.path, _CONFIG), dump(config).encode())
    return run


def open_run(url: str) -> Run:
    """Opens an existing run."""
    path = files.absolute(url).rstrip("/")
    if not files.exists(files.join(path, _CONFIG)):
        raise RunError("run.not_found", f"{url} is no run folder: it holds no {_CONFIG}")
    return Run(path, load(Experiment, files.join(path, _CONFIG)))


def reopen_run(cfg: Experiment, url: str) -> Run:
    """Opens a run to continue it. The config must be the run's own: a run that goes on differently would be neither."""
    run = open_run(url)
    given, kept = (_leaves(each.model_dump(mode="json", exclude=_MAY_DIFFER)) for each in (resolve(cfg), run.config))
    for key in sorted(given.keys() | kept.keys()):
        if given.get(key) != kept.get(key):
            message = f"{key} is {given.get(key)!r}, but the run at {run.path} has {kept.get(key)!r}"
            raise ConfigError("config.invalid", message, hint=f"resume with {_CONFIG} of the run, or start a new one")
    return run


def resolve(cfg: Experiment) -> Experiment:
    """Fills in what follows from the corpus: labels, the network's outputs, and paths that hold from any folder."""
    data = cfg.model_dump(mode="json")
    corpus = Corpus.open(cfg.data.corpus)
    labels = _labels(cfg, corpus)
    data["model"] |= _outputs(cfg, labels)
    data["data"]["labels"] = list(labels)
    data["data"]["corpus"] = files.absolute(cfg.data.corpus)
    for section in ("augment", "mixtures", "noisy"):
        if noise := getattr(getattr(cfg.data, section), "noise_corpus", None):
            data["data"][section]["noise_corpus"] = files.absolute(noise)
    pretrained = data["model"].get("pretrained")
    if pretrained is not None and not pretrained.startswith(HUB):
        data["model"]["pretrained"] = files.absolute(pretrained)
    data["track"]["runs"] = files.absolute(cfg.track.runs)
    resolved: Experiment = check(Experiment, data)
    known = tasks.create(resolved.task, labels, [1] * len(labels)).metric_names
    if resolved.train.metric not in known:
        hint = f"validation gives {', '.join(known)}"
        raise ConfigError("config.invalid", f"train.metric = {resolved.train.metric!r} is not measured", hint=hint)
    model = create(resolved.model)
    tasks.grid(resolved, labels, model)
    rate_hz = model.sample_rate_hz
    if rate_hz != corpus.sample_rate_hz:
        where = "model.features.sample_rate_hz" if "features" in data["model"] else "model.sample_rate_hz"
        raise ConfigError(
            "config.invalid",
            f"the network takes {rate_hz} Hz, {cfg.data.corpus} holds {corpus.sample_rate_hz} Hz",
            hint=f"set {where}, or prepare the corpus at the network's rate",
        )
    return resolved


def _outputs(cfg: Experiment, labels: tuple[str, ...]) -> dict[str, Any]:
    """The key of the network that counts what it tells apart: labels, or the speakers of references; none of one that
    tells nothing apart."""
    if isinstance(cfg.model, EnhancerConfig):
        return {}
    name = "speakers" if isinstance(cfg.model, ExtractorConfig) else "outputs"
    given: int | None = getattr(cfg.model, name)
    if given not in (None, len(labels)):
        what = "training speakers" if name == "speakers" else "labels"
        raise ConfigError("config.invalid", f"model.{name} = {given}, but there are {len(labels)} {what}")
    return {name: len(labels) or None}


def _labels(cfg: Experiment, corpus: Corpus) -> tuple[str, ...]:
    known = tasks.known_labels(cfg, corpus)
    labels = cfg.data.labels if cfg.data.labels is not None else known
    unknown = [label for label in labels if label not in known]
    if unknown:
        raise ConfigError(
            "config.invalid",
            f"data.labels: no clip of {cfg.data.corpus} is {unknown[0]!r}",
            hint=f"the corpus has {', '.join(known)}",
        )
    return labels


def _leaves(tree: dict[str, Any], path: str = "") -> dict[str, Any]:
    """Dotted keys and their values."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{path}{key}"
        flat |= _leaves(cast(dict[str, Any], value), f"{name}.") if isinstance(value, dict) else {name: value}
    return flat
