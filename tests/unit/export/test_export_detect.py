"""A detector from its run to a bundle that answers: files, evaluation, card."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sonant.audio.wav import encode_wav
from sonant.data.corpus import Corpus
from sonant.errors import ModelError
from sonant.measure.evaluate import evaluate
from sonant.measure.infer import infer
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine
from sonant.runtime.infer import classify
from sonant.runtime.session import LiveSession
from sonant.runtime.slots import SlotPool


def test_a_run_reviews_itself(detect_run: Path) -> None:
    found = json.loads((detect_run / "review" / "operating.json").read_text())
    assert found["labels"] == ["speech"]
    for split in ("validation", "test"):
        (point,) = found[split]["balanced"]
        assert point["miss"]["low"] <= point["miss"]["value"] <= point["miss"]["high"]
    curves = json.loads((detect_run / "review" / "det.json").read_text())
    assert len(curves["test"]["speech"]["miss"]) == len(curves["test"]["speech"]["false_alarm"]) > 5
    worst = json.loads((detect_run / "review" / "worst.json").read_text())
    assert [entry["file"] for entry in worst] == ["worst/00.wav", "worst/01.wav"]
    assert worst[0]["loss"] >= worst[1]["loss"]


def test_the_bundle_says_how_frames_become_segments(detect_bundle: Path) -> None:
    info = open_bundle(detect_bundle).info
    assert info.task == "detect"
    assert info.detect is not None
    assert set(info.detect.points) == {"balanced", "low_fa"}
    assert (info.hop, info.detect.layout.frame, info.detect.layout.delay) == (160, 160, 2)
    assert (info.latency, info.window_ms) == (320, 0)
    assert set(info.parity) == {"model", "stream", "step", "clip"}
    assert info.metrics["test.auc"] > 0.9
    card = (detect_bundle / "card.md").read_text()
    for word in ("frames of 20 ms", "40 ms behind", "balanced, speech", "low_fa, speech", "Where no segment is"):
        assert word in card


def test_segments_lie_where_the_bursts_are(detect_bundle: Path, burst_corpus: str, tmp_path: Path) -> None:
    corpus = Corpus.open(burst_corpus)
    assert corpus.spans_R is not None
    row = next(row for row, split in enumerate(corpus.column("split")) if split == "test" and corpus.spans_R[row])
    path = tmp_path / "a.wav"
    path.write_bytes(encode_wav(corpus.read(row) / 32768, 8000))
    (line,) = infer(str(detect_bundle), [str(path)])
    assert line["operating_point"] == "balanced"
    wanted = [(span.start_s, span.end_s) for span in corpus.spans_R[row]]
    covered = sum(
        max(0.0, min(end, found["t_end"]) - max(start, found["t_start"]))
        for start, end in wanted
        for found in line["segments"]
    )
    assert covered > 0.8 * sum(end - start for start, end in wanted)
    assert sum(found["t_end"] - found["t_start"] for found in line["segments"]) < 4.0 * 0.9
    (strict,) = infer(str(detect_bundle), [str(path)], point="low_fa")
    assert strict["operating_point"] == "low_fa"
    with pytest.raises(ModelError, match="no operating point 'bold'"):
        infer(str(detect_bundle), [str(path)], point="bold")


def test_live_segments_are_those_of_the_recording(detect_bundle: Path, burst_corpus: str) -> None:
    engine = Engine(open_bundle(detect_bundle))
    corpus = Corpus.open(burst_corpus)
    wav_N = np.concatenate([corpus.read(row) for row in range(len(corpus))]).astype(np.float32) / 32768
    pool = SlotPool(engine, 1)
    slot = pool.admit()
    assert slot is not None
    session, messages = LiveSession(pool, slot, 8000), []
    for part in np.split(wav_N, np.arange(1000, len(wav_N), 7001)):
        session.push(part)
        while (chunk := session.ready()) is not None:
            messages += session.take(pool.step({slot: chunk})[slot])
    session.flush()
    while (chunk := session.ready()) is not None:
        messages += session.take(pool.step({slot: chunk})[slot])
    messages += session.finish()
    told = [(message["t_start"], message["t_end"]) for message in messages]
    # 72 s are several windows: their overlap is all that a window knows of what was before.
    whole = [(found["t_start"], found["t_end"]) for found in classify(engine, wav_N)["segments"]]  # pyright: ignore
    assert len(told) == len(whole) > 10
    np.testing.assert_allclose(told, whole, atol=0.021)


def test_run_and_bundle_are_judged_alike(detect_run: Path, detect_bundle: Path, tmp_path: Path) -> None:
    run, bundle = (evaluate(str(path), out=str(tmp_path / path.name)) for path in (detect_run, detect_bundle))
    assert bundle["metrics"] == pytest.approx(run["metrics"], abs=1e-3)
    assert bundle["recordings"] == 3
    assert bundle["seconds"] == pytest.approx(12.0)
    low, high = bundle["interval"]
    assert low <= bundle["metrics"]["auc"] <= high
    assert set(bundle["operating_points"]) == {"balanced", "low_fa"}
    files = {path.name for path in (tmp_path / detect_bundle.name).iterdir()}
    assert {"metrics.json", "det.json"} <= files
