"""What a person looks at after a run (the folder as a whole is tested with fit_local)."""

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sonant.data.corpus import Corpus
from sonant.train import review
from sonant.train.evaluate import Scored

LABELS = ("high", "low", "mid")


@pytest.fixture
def scored(corpus: str) -> Scored:
    row_N = np.array([0, 5, 20, 40])
    names = Corpus.open(corpus).column("label")
    label_N = np.array([LABELS.index(names[row]) for row in row_N])
    logits_NK = np.zeros((4, 3), np.float32)
    logits_NK[np.arange(4), label_N] = [5.0, 2.0, -1.0, 3.0]  # the third one is wrong
    return Scored(row_N, label_N, logits_NK)


def test_the_worst_are_those_with_the_highest_loss(corpus: str, scored: Scored, tmp_path: Path) -> None:
    review.write(str(tmp_path), Corpus.open(corpus), LABELS, {"validation": scored}, worst=2)
    worst = json.loads((tmp_path / "review" / "worst.json").read_text())
    assert [row["row"] for row in worst] == [20, 5]
    assert [row["file"] for row in worst] == ["worst/00.wav", "worst/01.wav"]
    assert worst[0]["predicted"] != worst[0]["label"]
    assert worst[0]["score"] == pytest.approx(np.e**0 / (2 + np.e**-1), rel=1e-6)
    assert worst[0]["loss"] == pytest.approx(np.log(2 + np.e**-1) + 1, rel=1e-6)


def test_predictions_are_in_the_order_of_the_corpus(corpus: str, scored: Scored, tmp_path: Path) -> None:
    review.write(str(tmp_path), Corpus.open(corpus), LABELS, {"validation": scored, "test": scored}, worst=0)
    table = pq.read_table(tmp_path / "review" / "predictions.parquet")
    assert table.column("row").to_pylist() == [0, 5, 20, 40] * 2
    ids = Corpus.open(corpus).column("id")
    assert table.column("id").to_pylist() == [ids[row] for row in (0, 5, 20, 40)] * 2
    assert not list((tmp_path / "review").glob("worst/*"))
    matrices = json.loads((tmp_path / "review" / "confusion.json").read_text())
    assert matrices["labels"] == list(LABELS)
    assert np.array(matrices["test"]).sum() == 4
    assert np.trace(matrices["test"]) == 3
    assert (tmp_path / "review" / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_the_interval_resamples_speakers(corpus: str, scored: Scored) -> None:
    opened = Corpus.open(corpus)
    bounds = review.accuracy_interval(opened, scored)
    assert 0 <= bounds["accuracy_low"] <= 0.75 <= bounds["accuracy_high"] <= 1
    speakers = opened.column("speaker")
    one = np.array([row for row in range(len(opened)) if speakers[row] == "s1"])
    alone = Scored(one, np.zeros(len(one), np.int64), np.random.default_rng(0).normal(size=(len(one), 3)))
    bounds = review.accuracy_interval(opened, alone)
    assert bounds["accuracy_low"] < bounds["accuracy_high"]  # clips, where there is one speaker
