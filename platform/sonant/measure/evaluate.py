"""How good is it? A run through torch, or a bundle through the very engine that serves it, on a prepared corpus.

Both see the same clips, cut as in training, and both are judged by the same metrics; a bundle is exported well when the
two agree.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import yaml
from numpy.typing import NDArray
from torch import Tensor

from models.extract.base import Extraction
from models.spec import create
from sonant import tasks
from sonant.config.experiment import Experiment
from sonant.config.load import check
from sonant.config.loss import Link
from sonant.data.corpus import Corpus
from sonant.data.split import Rows, split
from sonant.data.trials import placed, read_trials, rows_of
from sonant.errors import ConfigError, DataError
from sonant.metrics import roc
from sonant.metrics.accuracy import accuracy, unweighted_average_recall
from sonant.metrics.calibration import expected_calibration_error
from sonant.metrics.confusion import Matrix, confusion
from sonant.metrics.f1 import macro_f1
from sonant.metrics.per_label import per_label
from sonant.metrics.verification import Trials, cosines
from sonant.runtime.bundle import INFO, Bundle, open_bundle
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.engine import Engine
from sonant.runtime.info import OperatingPoint, VerifyPoint
from sonant.runtime.voices import VoiceEngine
from sonant.tasks import verification
from sonant.tasks.detect import Detect
from sonant.tasks.embed import Embed, figures
from sonant.tasks.extract import Network as ExtractNetwork
from sonant.tasks.sound import SoundTask
from sonant.tasks.task import Network
from sonant.track import files
from sonant.train import review_frames, review_mixtures, review_vectors
from sonant.train.evaluate import Scored, score
from sonant.train.place import Place
from sonant.train.review import metric_interval, predictions, write_matrices
from sonant.train.run import Run, open_run

SplitName = Literal["train", "validation", "test", "all"]

_SURE = {"accuracy": accuracy, "uar": unweighted_average_recall, "macro_f1": macro_f1}
"""Metrics that get an interval."""


@dataclass(frozen=True)
class Evaluation:
    """Outputs on every clip of a split, and what they amount to."""

    model: str
    """The run folder, or the bundle's name and version."""
    labels: tuple[str, ...]
    corpus: Corpus
    split: str
    scored: Scored
    metrics: dict[str, float]
    link: Link = Link()
    """How outputs become scores."""
    temperature: float | NDArray[np.float64] = 1.0
    """What a bundle divides its logits by before they become scores, or (N, 1), one for each clip; the metrics are
    those of plain logits."""

    def summary(self) -> dict[str, Any]:
        """Numbers, ready for JSON; `interval` is that of the accuracy, 95 %, over speakers where there are several."""
        intervals = {name: list(metric_interval(self.corpus, self.scored, metric)) for name, metric in _SURE.items()}
        return {
            "model": self.model,
            "corpus": str(self.corpus.path),
            "split": self.split,
            "clips": len(self.scored.row_N),
            "metrics": self.metrics,
            "ece_calibrated": expected_calibration_error(
                self.scored.logits_NK / self.temperature, self.scored.label_N, link=self.link
            ),
            "interval": intervals["accuracy"],
            "intervals": intervals,
            "labels": per_label(self.confusion(), self.labels),
        }

    def confusion(self) -> Matrix:
        """Counts of (true label, predicted label)."""
        return confusion(self.scored.label_N, self.scored.logits_NK.argmax(axis=1), len(self.labels))

    def predictions(self) -> list[dict[str, Any]]:
        """One row a clip: id, label, predicted, loss, score."""
        return predictions(self.corpus, self.labels, self.scored, self.split, self.link)

    def write(self, out: str) -> None:
        """metrics.json, confusion.json, confusion.png and predictions.parquet in a folder or at a URL."""
        table = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(self.predictions()), table)
        files.write_json(files.join(out, "metrics.json"), self.summary())
        write_matrices(out, self.labels, {self.split: self.confusion()})
        files.write_bytes(files.join(out, "predictions.parquet"), table.getvalue())


@dataclass(frozen=True)
class FrameEvaluation(Evaluation):
    """Outputs on every frame of a split's recordings, and what they amount to."""

    task: Detect = field(kw_only=True)
    points: dict[str, tuple[OperatingPoint, ...]] | None = field(kw_only=True)
    """Of the bundle; a run's own are in its review."""

    def summary(self) -> dict[str, Any]:
        """Numbers, ready for JSON; `interval` is that of the AUC, 95 %, over recordings where there are several."""
        bounds = review_frames.auc_interval(self.scored)
        frame_s = self.task.grid.layout.frame / self.task.grid.rate_hz
        told = review_frames.at_points(self.points, self.scored, frame_s) if self.points else {}
        return {
            "model": self.model,
            "corpus": str(self.corpus.path),
            "split": self.split,
            "recordings": len(np.unique(self.scored.row_N)),
            "seconds": round(len(self.scored.row_N) * frame_s, 3),
            "metrics": self.metrics,
            "interval": [bounds["auc_low"], bounds["auc_high"]],
            "operating_points": {
                name: dict(zip(self.labels, (point.model_dump(mode="json") for point in points), strict=True))
                for name, points in told.items()
            },
        }

    def write(self, out: str) -> None:
        """metrics.json, det.json and det.png in a folder or at a URL."""
        files.write_json(files.join(out, "metrics.json"), self.summary())
        review_frames.write_curves(out, review_frames.curves(self.labels, {self.split: self.scored}))


@dataclass(frozen=True)
class MixtureEvaluation(Evaluation):
    """Measures of mixtures or noisy speech, and what they amount to."""

    task: SoundTask = field(kw_only=True)
    speakers: list[str] = field(kw_only=True)
    """Who is wanted, or heard, in each."""

    def summary(self) -> dict[str, Any]:
        """Numbers, ready for JSON; `interval` is that of the mean improvement, 95 %, over speakers."""
        bounds = review_mixtures.improvement_interval(self.task, self.scored, self.speakers)
        return {
            "model": self.model,
            "corpus": str(self.corpus.path),
            "split": self.split,
            "mixtures": len(self.scored.row_N),
            "metrics": self.metrics,
            "interval": list(bounds.values()),
        }

    def write(self, out: str) -> None:
        """metrics.json and mixtures.parquet in a folder or at a URL."""
        files.write_json(files.join(out, "metrics.json"), self.summary())
        review_mixtures.write_table(out, self.task, {self.split: self.scored}, {self.split: self.speakers})


@dataclass(frozen=True)
class VectorEvaluation(Evaluation):
    """Embeddings of a split's recordings, and what comparing pairs of them amounts to."""

    target: str = field(kw_only=True)
    trials: Trials = field(kw_only=True)
    """Pairs of the scored recordings, by their places."""
    points: dict[str, VerifyPoint] | None = field(kw_only=True)

    def summary(self) -> dict[str, Any]:
        """Numbers, ready for JSON; `interval` is that of the equal error rate, 95 %, over speakers."""
        score_P, identity_N = cosines(self.scored.logits_NK, self.trials), self.scored.label_N
        return {
            "model": self.model,
            "corpus": str(self.corpus.path),
            "split": self.split,
            "recordings": len(identity_N),
            f"{self.target}s": len(np.unique(identity_N)),
            "trials": {"same": int(self.trials.same_P.sum()), "different": int((~self.trials.same_P).sum())},
            "metrics": self.metrics,
            "interval": list(verification.eer_interval(score_P, self.trials, identity_N)),
            "operating_points": {
                name: verification.measured(point.threshold, score_P, self.trials, identity_N).model_dump(mode="json")
                for name, point in (self.points or {}).items()
            },
        }

    def write(self, out: str) -> None:
        """metrics.json, trials.txt (1|0, ids, cosine), det.json and det.png in a folder or at a URL."""
        score_P, ids = cosines(self.scored.logits_NK, self.trials), self.corpus.column("id")
        name_N = [ids[row] for row in self.scored.row_N.tolist()]
        lines = [
            f"{int(same)} {name_N[first]} {name_N[second]} {score:.6f}\n"
            for first, second, same, score in zip(
                *(column_P.tolist() for column_P in self.trials), score_P, strict=True
            )
        ]
        files.write_json(files.join(out, "metrics.json"), self.summary())
        files.write_bytes(files.join(out, "trials.txt"), "".join(lines).encode())
        curve = roc.thinned(roc.det(score_P, self.trials.same_P))
        review_frames.write_curves(out, {self.split: {"pairs": curve}})


def evaluate(
    subject: str,
    data: str | None = None,
    *,
    split: SplitName = "test",
    out: str | None = None,
    trials: str | None = None,
) -> dict[str, Any]:
    """Judges a run folder or a bundle on a split of a prepared corpus (its own by default); gives the summary.

    With `out`, the confusion matrix and every prediction are written there too. `trials` is a list of pairs for an
    embedder (`data.trials`), which takes the place of the split.
    """
    judged = judge(subject, data, split=split, trials=trials)
    if out is not None:
        judged.write(out)
    return judged.summary()


def judge(subject: str, data: str | None = None, *, split: SplitName = "test", trials: str | None = None) -> Evaluation:
    """`evaluate`, with the outputs for every clip."""
    opened, config, labels, name = open_subject(subject)
    corpus = Corpus.open(data or config.data.corpus)
    if trials is not None and tasks.identity(config.task) is None:
        raise ConfigError("config.invalid", f"{name} is no embedder: it has nothing to do with pairs")
    listed = None if trials is None else read_trials(trials, corpus)
    rows = rows_of_split(corpus, config, split) if listed is None else rows_of(listed)
    task, loaders = tasks.opened(config, labels, create(config.model), corpus, {split: rows}, training=False)
    network = network_of(opened)
    scored = score(network, task, loaders[split], Place(torch.device("cpu")))
    if isinstance(task, Embed):
        judged = task.trials(scored.label_N) if listed is None else placed(listed, scored.row_N)
        metrics = figures(cosines(scored.logits_NK, judged), judged)
        told = split if trials is None else trials
        what, at = task.cfg.target, _thresholds(opened)
        return VectorEvaluation(name, labels, corpus, told, scored, metrics, target=what, trials=judged, points=at)
    metrics = task.metrics(scored.logits_NK, scored.label_N, scored.row_N)
    if isinstance(task, SoundTask):
        heard = review_mixtures.speakers_of(loaders[split], scored)
        return MixtureEvaluation(name, labels, corpus, split, scored, metrics, task=task, speakers=heard)
    if isinstance(task, Detect):
        points = opened.info.detect.points if isinstance(opened, Bundle) and opened.info.detect else None
        return FrameEvaluation(name, labels, corpus, split, scored, metrics, task=task, points=points)
    used = opened.info.temperature if isinstance(opened, Bundle) else 1.0
    return Evaluation(name, labels, corpus, split, scored, metrics, config.task.link, used)


def _thresholds(opened: Bundle | Run) -> dict[str, VerifyPoint] | None:
    """The operating points that were chosen on validation; None of a run that has not ended."""
    if isinstance(opened, Bundle):
        return opened.info.embed.points if opened.info.embed else None
    known = files.exists(files.join(opened.path, review_vectors.FOLDER, review_vectors.THRESHOLDS))
    return review_vectors.read_points(opened.path) if known else None


class Subject(NamedTuple):
    """What is judged."""

    opened: Bundle | Run
    config: Experiment
    labels: tuple[str, ...]
    name: str
    """The run folder, or the bundle's name and version."""


def open_subject(subject: str) -> Subject:
    """Opens a run folder or a bundle."""
    if _is_bundle(subject):
        bundle = open_bundle(subject)
        return Subject(bundle, config_of(bundle), bundle.info.labels, bundle.info.id)
    run = open_run(subject)
    return Subject(run, run.config, run.labels, run.path)


def _is_bundle(subject: str) -> bool:
    """A run folder has no bundle.json, and its name has no alias."""
    return "@" in subject.rpartition("/")[2] or files.exists(files.join(subject, INFO))


def config_of(bundle: Bundle) -> Experiment:
    """The config that a bundle was trained with."""
    return check(Experiment, yaml.safe_load(bundle.read("config.yaml")), source=f"{bundle.path}/config.yaml")


def rows_of_split(corpus: Corpus, config: Experiment, name: SplitName) -> Rows:
    """The rows of one side, as the config splits a corpus."""
    if name == "all":
        return np.arange(len(corpus))
    rows = cast(Rows, getattr(split(corpus, config.data.split, config.seed), name))
    if not rows.size:
        raise DataError("data.empty", f"{corpus.path} has no {name} clips", hint="choose another --split, such as all")
    return rows


def network_of(opened: Bundle | Run) -> Network | ExtractNetwork:
    """A run's best checkpoint, or a bundle's graphs, as a network."""
    if isinstance(opened, Run):
        return opened.load_model("best")
    if (bundle := opened).info.extract is not None:
        return _extractor(VoiceEngine(bundle))
    if bundle.info.enhance is not None:
        denoiser = EnhanceEngine(bundle)
        return lambda wav_BN: torch.from_numpy(denoiser.enhance_rows(wav_BN.numpy()))
    engine = Engine(bundle)
    return lambda wav_BN: torch.from_numpy(engine.logits(wav_BN.numpy()))


def _extractor(engine: VoiceEngine) -> ExtractNetwork:
    def extract(mix_BN: Tensor, ref_BR: Tensor, ref_samples_B: Tensor) -> Extraction:
        voice_BE = engine.voices(ref_BR.numpy(), ref_samples_B.numpy())
        wav_BN, presence_BF = engine.extract_rows(mix_BN.numpy(), voice_BE)
        told_BF = None if presence_BF is None else torch.from_numpy(presence_BF)
        return Extraction(torch.from_numpy(wav_BN), presence_BF=told_BF)

    return extract
