"""review/ of an embedder: what a person looks at (and listens to) after a run.

thresholds.json  operating points chosen on validation, and what they give on each split
det.json         for each split, some points of the DET curve; det.png is the picture (extra `review`)
worst/NN.wav     the validation recordings least like the others of their speaker; worst.json tells what they are
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from sonant.audio.samples import to_float
from sonant.audio.wav import encode_wav
from sonant.data.corpus import Corpus
from sonant.metrics import roc
from sonant.metrics.verification import cosines
from sonant.runtime.info import VerifyPoint
from sonant.runtime.vectors import normalised
from sonant.tasks import verification
from sonant.tasks.embed import Embed
from sonant.track import files
from sonant.train.evaluate import Scored
from sonant.train.review import FOLDER
from sonant.train.review_frames import write_curves

Points = dict[str, VerifyPoint]

THRESHOLDS = "thresholds.json"
_POINTS = TypeAdapter(Points)


def write(run: str, corpus: Corpus, task: Embed, scored: Mapping[str, Scored], *, worst: int) -> None:
    """Writes the review folder of the run at `run`; `scored` maps splits to the outputs of the best checkpoint."""
    folder = files.join(run, FOLDER)
    trials = {split: task.trials(outputs.label_N) for split, outputs in scored.items()}
    score = {split: cosines(scored[split].logits_NK, listed) for split, listed in trials.items()}
    points = verification.choose(task.cfg, score["validation"], trials["validation"], scored["validation"].label_N)
    told = {"validation": points} | {
        split: {
            name: verification.measured(point.threshold, score[split], trials[split], scored[split].label_N)
            for name, point in points.items()
        }
        for split in scored
        if split != "validation"
    }
    listed = {split: _POINTS.dump_python(table, mode="json") for split, table in told.items()}
    files.write_json(files.join(folder, THRESHOLDS), listed)
    write_curves(
        folder, {split: {"pairs": roc.thinned(roc.det(score[split], trials[split].same_P))} for split in scored}
    )
    _write_worst(folder, corpus, task, scored["validation"], worst)


def read_points(run: str) -> Points:
    """The operating points that the review of a run chose."""
    return _POINTS.validate_python(files.read_json(files.join(run, FOLDER, THRESHOLDS))["validation"])


def eer_interval(task: Embed, scored: Scored) -> dict[str, float]:
    """The 95 % interval of the equal error rate, over speakers."""
    trials = task.trials(scored.label_N)
    low, high = verification.eer_interval(cosines(scored.logits_NK, trials), trials, scored.label_N)
    return {"eer_low": low, "eer_high": high}


def _write_worst(folder: str, corpus: Corpus, task: Embed, scored: Scored, count: int) -> None:
    """Each recording against the mean of its speaker's others and the means of all other speakers."""
    ids, names, rate_hz = corpus.column("id"), corpus.column(task.cfg.target), corpus.sample_rate_hz
    found: list[dict[str, Any]] = []
    known, number_N = np.unique(scored.label_N, return_inverse=True)
    sum_IE = np.zeros((len(known), scored.logits_NK.shape[1]))
    np.add.at(sum_IE, number_N, scored.logits_NK)
    name_of = {int(number): names[row] for number, row in zip(number_N, scored.row_N.tolist(), strict=True)}
    for row, own, emb_E in zip(scored.row_N.tolist(), number_N.tolist(), scored.logits_NK, strict=True):
        others_IE = sum_IE.copy()
        others_IE[own] -= emb_E
        cosine_I = normalised(others_IE) @ emb_E
        rivals_I = np.where(np.arange(len(known)) == own, -np.inf, cosine_I)
        found.append(
            {
                "row": row,
                "id": ids[row],
                "label": name_of[own],
                "predicted": name_of[int(rivals_I.argmax() if rivals_I.max() > cosine_I[own] else own)],
                "loss": float(rivals_I.max() - cosine_I[own]),
                "score": float(cosine_I[own]),
            }
        )
    listed: list[dict[str, Any]] = []
    for rank, entry in enumerate(sorted(found, key=lambda entry: -entry["loss"])[:count]):
        name = f"worst/{rank:02d}.wav"
        wav = encode_wav(to_float(corpus.read(entry["row"])), rate_hz)
        files.write_bytes(files.join(folder, name), wav)
        listed.append({"file": name, "sample_rate_hz": rate_hz, **entry})
    files.write_json(files.join(folder, "worst.json"), listed)
