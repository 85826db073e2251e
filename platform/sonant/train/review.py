"""review/: what a person looks at (and listens to) after a run.

confusion.json        labels, and a matrix for each split (row = true label)
confusion.png         the same as a picture (extra `review`)
predictions.parquet   row, id, split, label, predicted, loss, score
worst/NN.wav          the validation clips with the highest loss, worst first; worst.json tells what they are
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sonant.audio.samples import to_float
from sonant.audio.wav import encode_wav
from sonant.config.loss import Link
from sonant.data.corpus import Corpus
from sonant.metrics.accuracy import accuracy
from sonant.metrics.bootstrap import interval
from sonant.metrics.calibration import log_loss, log_scores
from sonant.metrics.confusion import Matrix, confusion
from sonant.track import files
from sonant.track.confusion_chart import confusion_png
from sonant.train.evaluate import Scored

FOLDER = "review"

_SCHEMA = pa.schema(
    [
        ("row", pa.int64()),
        ("id", pa.string()),
        ("split", pa.string()),
        ("label", pa.string()),
        ("predicted", pa.string()),
        ("loss", pa.float64()),
        ("score", pa.float64()),
    ]
)
_Prediction = dict[str, Any]
_SOFTMAX = Link()


def write(
    run: str,
    corpus: Corpus,
    labels: tuple[str, ...],
    scored: Mapping[str, Scored],
    *,
    worst: int,
    link: Link = _SOFTMAX,
) -> None:
    """Writes the review folder of the run at `run`; `scored` maps splits to the outputs of the best checkpoint."""
    folder = files.join(run, FOLDER)
    rows = {split: predictions(corpus, labels, outputs, split, link) for split, outputs in scored.items()}
    matrices = {
        split: confusion(outputs.label_N, outputs.logits_NK.argmax(axis=1), len(labels))
        for split, outputs in scored.items()
    }
    write_matrices(folder, labels, matrices)
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row for part in rows.values() for row in part], _SCHEMA), file)
    files.write_bytes(files.join(folder, "predictions.parquet"), file.getvalue())
    _write_worst(folder, corpus, sorted(rows["validation"], key=lambda row: -row["loss"])[:worst])


def write_matrices(folder: str, labels: Sequence[str], matrices: Mapping[str, Matrix]) -> None:
    """confusion.json, and confusion.png where matplotlib is installed."""
    counts = {split: count_KK.tolist() for split, count_KK in matrices.items()}
    files.write_json(files.join(folder, "confusion.json"), {"labels": list(labels), **counts})
    picture = confusion_png(labels, matrices)
    if picture is not None:
        files.write_bytes(files.join(folder, "confusion.png"), picture)


def predictions(
    corpus: Corpus, labels: tuple[str, ...], scored: Scored, split: str, link: Link = _SOFTMAX
) -> list[_Prediction]:
    """One row a clip: what it is, what it was taken for, how wrong that is (loss) and how sure it was (score)."""
    ids = corpus.column("id")
    score_NK = np.exp(log_scores(scored.logits_NK, link))
    columns = zip(
        scored.row_N.tolist(),
        scored.label_N.tolist(),
        score_NK.argmax(axis=1).tolist(),
        log_loss(scored.logits_NK, scored.label_N, link).tolist(),
        score_NK.max(axis=1).tolist(),
        strict=True,
    )
    return [
        dict(zip(_SCHEMA.names, (row, ids[row], split, labels[label], labels[taken], loss, score), strict=True))
        for row, label, taken, loss, score in columns
    ]


def accuracy_interval(corpus: Corpus, scored: Scored) -> dict[str, float]:
    """The 95 % interval of the accuracy, over speakers where there are several."""
    low, high = metric_interval(corpus, scored, accuracy)
    return {"accuracy_low": low, "accuracy_high": high}


def metric_interval(corpus: Corpus, scored: Scored, metric: Callable[[Matrix], float]) -> tuple[float, float]:
    """The 95 % interval of what is read off the confusion matrix, over speakers where there are several."""
    predicted_N, outputs = scored.logits_NK.argmax(axis=1), scored.logits_NK.shape[1]
    all_speakers = corpus.column("speaker")
    speakers = [all_speakers[row] for row in scored.row_N.tolist()]
    groups = speakers if len(set(speakers)) > 1 else None
    return interval(
        lambda index: metric(confusion(scored.label_N[index], predicted_N[index], outputs)),
        len(predicted_N),
        groups_N=groups,
    )


def _write_worst(folder: str, corpus: Corpus, rows: list[_Prediction]) -> None:
    listed: list[_Prediction] = []
    for rank, row in enumerate(rows):
        name = f"worst/{rank:02d}.wav"
        wav = encode_wav(to_float(corpus.read(row["row"])), corpus.sample_rate_hz)
        files.write_bytes(files.join(folder, name), wav)
        listed.append({"file": name, "sample_rate_hz": corpus.sample_rate_hz, **row})
    files.write_json(files.join(folder, "worst.json"), listed)
