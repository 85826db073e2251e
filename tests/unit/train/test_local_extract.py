"""Whole trainings of extraction networks: the loop is that of all tasks; the batches, measures and review are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from sonant.config.experiment import Experiment
from sonant.config.load import check, merge, parse_override
from sonant.data.source import Clip
from sonant.data.write import write_corpus
from sonant.errors import ConfigError
from sonant.measure.evaluate import evaluate
from sonant.measure.quality import quality
from sonant.track import events
from sonant.track.report import report
from sonant.train.local import fit_local
from sonant.train.run import open_run

RATE_HZ = 8000


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Nine speakers who hum, each at a pitch of their own; three of them are validation and three test material."""
    random = np.random.default_rng(0)
    clips: list[tuple[Clip, np.ndarray]] = []
    for number, split in enumerate(["train"] * 3 + ["validation"] * 3 + ["test"] * 3):
        for take in range(3):
            time_N = np.arange(int(RATE_HZ * (0.6 + 0.1 * take))) / RATE_HZ
            pitch_hz = 120 * 1.2**number * random.uniform(0.98, 1.02)
            wav_N = sum(np.sin(2 * np.pi * k * pitch_hz * time_N) / k for k in range(1, 5))
            wav_N = 3000 * wav_N * (1.2 + np.sin(2 * np.pi * 3 * time_N)) + random.normal(0, 20, time_N.size)
            clip = Clip(f"{number}-{take}", f"{number}-{take}", speaker=f"s{number}", split=split)
            clips.append((clip, wav_N.astype(np.int16)))
    folder = str(tmp_path_factory.mktemp("hums") / "corpus")
    write_corpus(folder, clips, name="hums", sample_rate_hz=RATE_HZ)
    return folder


@pytest.fixture
def config(voices: str, tmp_path: Path) -> Callable[..., Experiment]:
    def make(*overrides: str) -> Experiment:
        mixtures = {"mix_s": 0.5, "min_s": 0.3, "reference_s": [0.3, 0.5], "trim_db": None, "absent_p": 0.3,
                    "items": 8, "validation_items": 6, "test_items": 5}  # fmt: skip
        network = {
            "kind": "causal_extractor", "sample_rate_hz": RATE_HZ, "channels": 8, "hidden": 12, "stacks": 1,
            "blocks": 1, "voice_size": 4, "enrolment_blocks": 0, "latency_ms": 16, "hops_per_frame": 2,
            "basis": {"kind": "learned", "filters": 16}, "memory": {"kind": "channel_gru", "size": 4},
        }  # fmt: skip
        data: dict[str, Any] = {
            "name": "hums",
            "task": {"kind": "extract"},
            "model": network,
            "data": {"corpus": voices, "batch_size": 4, "mixtures": mixtures},
            "train": {"epochs": 2, "metric": "si_sdri", "checkpoint_every_steps": 1},
            "track": {"runs": str(tmp_path / "runs"), "wandb": "off", "worst": 2},
        }
        for override in overrides:
            data = merge(data, parse_override(override))
        return check(Experiment, data)

    return make


def told(path: str) -> list[tuple[Any, ...]]:
    seen = events.history(events.read(path))
    steps = [(e["step"], e["loss"], e["grad_norm"]) for e in seen if e["kind"] == "step"]
    return [*steps, *((e["epoch"], e["metrics"]) for e in seen if e["kind"] == "epoch")]


def test_a_run_tells_what_became_of_its_mixtures(config: Callable[..., Experiment], tmp_path: Path) -> None:
    result = fit_local(config(), report=lambda event: None)
    run, review = open_run(result.path), Path(result.path) / "review"
    assert run.labels == ("s0", "s1", "s2")
    assert run.config.model.model_dump()["speakers"] == 3

    rows = pq.read_table(review / "mixtures.parquet").to_pylist()
    assert [row["number"] for row in rows] == [*range(6), *range(5)]
    there = [row for row in rows if row["split"] == "test" and row["kind"] == "present"]
    gain = np.mean([row["si_sdr"] - row["si_sdr_mixture"] for row in there])
    assert result.metrics["test"]["si_sdri"] == pytest.approx(gain, abs=1e-4)
    assert result.metrics["test"]["si_sdri_low"] <= gain <= result.metrics["test"]["si_sdri_high"]

    worst = json.loads((review / "worst_mixtures.json").read_text())
    there = [row for row in rows if row["split"] == "validation" and row["kind"] == "present"]
    gains = sorted(row["si_sdr"] - row["si_sdr_mixture"] for row in there)
    assert [row["si_sdri"] for row in worst] == pytest.approx(gains[:2])
    assert all((review / name).stat().st_size > 44 for row in worst for name in row["files"].values())

    # Judged again, the same mixtures come out the same.
    summary = evaluate(result.path, out=str(tmp_path / "out"))
    plain = {
        name: value for name, value in result.metrics["test"].items() if name not in ("si_sdri_low", "si_sdri_high")
    }
    assert summary["metrics"] == pytest.approx(plain)
    page = Path(report(result.path)).read_text(encoding="utf-8")
    assert "si_sdri" in page
    assert page.count("<audio") == 2 * 4 + 3 * 4, "the worst, and the examples of the one epoch that they are kept of"


def test_a_killed_run_continued_is_the_undisturbed_run(config: Callable[..., Experiment]) -> None:
    class Killed(Exception):
        pass

    whole = fit_local(config(), report=lambda event: None).path
    seen: list[str] = []

    def dies(event: events.Event) -> None:
        if event["kind"] == "start":
            seen.append(event["id"])
        if event["kind"] == "step" and event["step"] == 3:
            raise Killed

    with pytest.raises(Killed):
        fit_local(config(), report=dies)
    cfg = config()
    path = f"{cfg.track.runs}/{cfg.name}/{seen[0]}"
    fit_local(cfg, resume=path, report=lambda event: None)
    assert told(path) == told(whole)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model={kind: tc_resnet}", "no network for task.kind=extract"),
        ("data.mixtures=null", "needs data.mixtures"),
        ("task={kind: classify}", "no network for task.kind=classify"),
        ("model.speakers=9", "there are 3 training speakers"),
        ("model.sample_rate_hz=16000", "model.sample_rate_hz"),
        ("train.metric=accuracy", "si_sdri"),
    ],
)
def test_what_does_not_fit_is_said(config: Callable[..., Experiment], override: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        fit_local(config(override), report=lambda event: None)
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_without_their_weight_speakers_are_nobody_s_business(config: Callable[..., Experiment]) -> None:
    result = fit_local(config("task.speaker_weight=0", "train.epochs=1"), report=lambda event: None)
    run = open_run(result.path)
    assert run.labels == ()
    assert run.config.model.model_dump()["speakers"] is None
    assert "speaker_accuracy" not in result.metrics["validation"]


def test_all_figures_of_a_run(config: Callable[..., Experiment], tmp_path: Path) -> None:
    """What is not to be had (wide-band PESQ at 8 kHz, STOI of half a second) is counted as missing."""
    pytest.importorskip("pystoi")
    pytest.importorskip("pesq")
    run = fit_local(config("train.epochs=1"), report=lambda event: None)
    found = quality(run.path, out=str(tmp_path / "out"))
    figures = found["figures"]
    assert figures["si_sdri"]["mean"] == pytest.approx(run.metrics["test"]["si_sdri"], abs=0.05)
    assert figures["si_sdri"]["items"] + figures["absent_db"]["items"] == 5
    assert figures["stoi"]["missing"] == figures["si_sdri"]["items"] - figures["stoi"]["items"]
    assert figures["pesq"]["items"] == 0
    assert figures["pesq"]["mean"] is None
    rows = pq.read_table(tmp_path / "out" / "quality.parquet").to_pylist()
    assert [row["id"] for row in rows] == [f"test-0-{number}" for number in range(5)]
    assert json.loads((tmp_path / "out" / "quality.json").read_text()) == found
