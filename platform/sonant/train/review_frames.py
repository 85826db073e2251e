"""review/ of a detector: what a person looks at (and listens to) after a run.

operating.json   operating points chosen on validation, and what they give on each split
det.json         for each split and label, some points of the DET curve; det.png is the picture (extra `review`)
worst/NN.wav     the stretches of validation recordings with the highest loss; worst.json tells what they are
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from sonant.audio.samples import to_float
from sonant.audio.wav import encode_wav
from sonant.data.corpus import Corpus
from sonant.metrics import roc
from sonant.metrics.bootstrap import interval as bootstrap
from sonant.runtime.info import OperatingPoint
from sonant.runtime.scores import sigmoid
from sonant.tasks.detect import Detect
from sonant.tasks.operating import choose, measured
from sonant.track import files
from sonant.track.det_chart import det_png
from sonant.train.evaluate import Scored
from sonant.train.review import FOLDER

Points = dict[str, tuple[OperatingPoint, ...]]

OPERATING = "operating.json"
_POINTS = TypeAdapter(Points)
_WORST_S = 5.0
_DRAWS, _MOST_FRAMES = 200, 50_000


def write(run: str, corpus: Corpus, task: Detect, scored: Mapping[str, Scored], *, worst: int) -> None:
    """Writes the review folder of the run at `run`; `scored` maps splits to the outputs of the best checkpoint."""
    folder = files.join(run, FOLDER)
    frame_s = task.grid.layout.frame / task.grid.rate_hz
    judged = scored["validation"]
    points = choose(task.cfg, judged.logits_NK, judged.label_N, judged.row_N, frame_s)
    told = {split: at_points(points, outputs, frame_s) for split, outputs in scored.items() if split != "validation"}
    listed = {split: _POINTS.dump_python(table, mode="json") for split, table in {"validation": points, **told}.items()}
    files.write_json(files.join(folder, OPERATING), {"labels": task.labels, **listed})
    write_curves(folder, curves(task.labels, scored))
    _write_worst(folder, corpus, task, judged, worst)


def read_points(run: str) -> Points:
    """The operating points that the review of a run chose."""
    return _POINTS.validate_python(files.read_json(files.join(run, FOLDER, OPERATING))["validation"])


def at_points(points: Points, scored: Scored, frame_s: float) -> Points:
    """What the rules of operating points give on other recordings."""
    probability_NK = sigmoid(scored.logits_NK)
    told: Points = {}
    for name, rules in points.items():
        told[name] = tuple(
            measured(
                rule.postprocess,
                probability_NK[:, label : label + 1],
                scored.label_N[:, label : label + 1],
                scored.row_N,
                frame_s,
            )
            for label, rule in enumerate(rules)
        )
    return told


def curves(labels: Sequence[str], scored: Mapping[str, Scored]) -> dict[str, dict[str, roc.Det]]:
    """DET curves by split and label, thinned for a picture."""
    return {
        split: {
            label: roc.thinned(roc.det(outputs.logits_NK[:, k], outputs.label_N[:, k]))
            for k, label in enumerate(labels)
        }
        for split, outputs in scored.items()
    }


def write_curves(folder: str, found: Mapping[str, Mapping[str, roc.Det]]) -> None:
    """det.json, and det.png where matplotlib is installed."""
    plain = {
        split: {
            label: {"false_alarm": curve.false_alarm_P.tolist(), "miss": curve.miss_P.tolist()}
            for label, curve in by_label.items()
        }
        for split, by_label in found.items()
    }
    files.write_json(files.join(folder, "det.json"), plain)
    picture = det_png({f"{split} {label}": curve for split, rows in found.items() for label, curve in rows.items()})
    if picture is not None:
        files.write_bytes(files.join(folder, "det.png"), picture)


def auc_interval(scored: Scored) -> dict[str, float]:
    """The 95 % interval of the mean AUC, over recordings where there are several."""
    step = max(1, len(scored.row_N) // _MOST_FRAMES)
    logits_NK, target_NK, row_N = (column[::step] for column in (scored.logits_NK, scored.label_N, scored.row_N))

    def mean(index: np.ndarray[Any, np.dtype[np.int64]]) -> float:
        columns = range(logits_NK.shape[1])
        values = [roc.auc(roc.det(logits_NK[index, k], target_NK[index, k])) for k in columns]
        return float(np.nanmean(values)) if not np.isnan(values).all() else 0.5

    groups = row_N.tolist() if len(np.unique(row_N)) > 1 else None
    low, high = bootstrap(mean, len(row_N), groups_N=groups, draws=_DRAWS)
    return {"auc_low": low, "auc_high": high}


def _write_worst(folder: str, corpus: Corpus, task: Detect, scored: Scored, count: int) -> None:
    """The stretch of each recording with the highest mean loss, worst first."""
    frame, rate_hz, ids = task.grid.layout.frame, corpus.sample_rate_hz, corpus.column("id")
    loss_N = (np.logaddexp(0.0, scored.logits_NK) - scored.logits_NK * scored.label_N).mean(axis=1)
    found: list[dict[str, Any]] = []
    for row in np.unique(scored.row_N).tolist():
        of_row = scored.row_N == row
        loss_T, heard_TK, said_TK = loss_N[of_row], scored.logits_NK[of_row] > 0, scored.label_N[of_row] > 0
        size = min(len(loss_T), round(_WORST_S * rate_hz / frame))
        sum_T = np.cumsum(np.append(0.0, loss_T))
        mean_T = (sum_T[size:] - sum_T[:-size]) / size
        first = int(mean_T.argmax())
        part = slice(first, first + size)
        found.append(
            {
                "row": row,
                "id": f"{ids[row]} from {first * frame / rate_hz:.2f} s",
                "label": _shares(task.labels, said_TK[part]),
                "predicted": _shares(task.labels, heard_TK[part]),
                "loss": float(mean_T[first]),
                "score": float((heard_TK[part] == said_TK[part]).mean()),
                "samples": (first * frame, (first + size) * frame),
            }
        )
    listed: list[dict[str, Any]] = []
    for rank, entry in enumerate(sorted(found, key=lambda entry: -entry["loss"])[:count]):
        name = f"worst/{rank:02d}.wav"
        begin, end = entry.pop("samples")
        files.write_bytes(files.join(folder, name), encode_wav(to_float(corpus.read(entry["row"])[begin:end]), rate_hz))
        listed.append({"file": name, "sample_rate_hz": rate_hz, **entry})
    files.write_json(files.join(folder, "worst.json"), listed)


def _shares(labels: Sequence[str], active_TK: np.ndarray[Any, np.dtype[np.bool_]]) -> str:
    shares = zip(labels, active_TK.mean(axis=0).tolist(), strict=True)
    return ", ".join(f"{label} {100 * share:.0f} %" for label, share in shares)
