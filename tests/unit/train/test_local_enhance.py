"""Whole trainings of enhancement networks: the loop is that of all tasks; the batches, measures and review are not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from sonant import cli
from sonant.audio.decode import decode_path
from sonant.audio.wav import encode_wav
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
def hums(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Six speakers who hum; two of them are validation and two test material."""
    random = np.random.default_rng(0)
    clips: list[tuple[Clip, np.ndarray]] = []
    for number, split in enumerate(["train"] * 2 + ["validation"] * 2 + ["test"] * 2):
        for take in range(3):
            time_N = np.arange(RATE_HZ) / RATE_HZ
            wav_N = sum(np.sin(2 * np.pi * k * 120 * 1.2**number * time_N) / k for k in range(1, 5))
            wav_N = 3000 * wav_N * (1.2 + np.sin(2 * np.pi * 3 * time_N)) + random.normal(0, 20, time_N.size)
            clip = Clip(f"{number}-{take}", f"{number}-{take}", speaker=f"s{number}", split=split)
            clips.append((clip, wav_N.astype(np.int16)))
    folder = str(tmp_path_factory.mktemp("hums") / "corpus")
    write_corpus(folder, clips, name="hums", sample_rate_hz=RATE_HZ)
    return folder


@pytest.fixture
def config(hums: str, tmp_path: Path) -> Callable[..., Experiment]:
    def make(*overrides: str) -> Experiment:
        noisy = {"item_s": 0.5, "trim_db": None, "noise_only_p": 0.3, "clean_only_p": 0.3, "items": 8,
                 "validation_items": 9, "test_items": 9}  # fmt: skip
        # What so few steps would take away is so little that all of it would be spared.
        network = {"kind": "dual_path", "sample_rate_hz": RATE_HZ, "bands": 12, "low_hz": 500, "channels": 8,
                   "hidden": 8, "mix": 8, "blocks": 1, "spare_db": None}  # fmt: skip
        data: dict[str, Any] = {
            "name": "hums",
            "task": {"kind": "enhance"},
            "model": network,
            "data": {"corpus": hums, "batch_size": 4, "noisy": noisy},
            "train": {"epochs": 2, "metric": "si_sdri", "checkpoint_every_steps": 1},
            "track": {"runs": str(tmp_path / "runs"), "wandb": "off", "worst": 2, "examples": 2, "examples_every": 2},
        }
        for override in overrides:
            data = merge(data, parse_override(override))
        return check(Experiment, data)

    return make


def test_a_run_tells_what_became_of_its_items(config: Callable[..., Experiment], tmp_path: Path) -> None:
    result = fit_local(config(), report=lambda event: None)
    review = Path(result.path) / "review"
    rows = pq.read_table(review / "mixtures.parquet").to_pylist()
    assert [row["number"] for row in rows] == [*range(9), *range(9)]
    assert {row["kind"] for row in rows} == {"noisy", "noise_only", "clean_only"}
    gains = {
        split: [row["si_sdr"] - row["si_sdr_noisy"] for row in rows if (row["split"], row["kind"]) == (split, "noisy")]
        for split in ("validation", "test")
    }
    test = result.metrics["test"]
    assert test["si_sdri"] == pytest.approx(np.mean(gains["test"]), abs=1e-4)
    assert test["si_sdri_low"] <= test["si_sdri"] <= test["si_sdri_high"]
    assert {"left_db", "harmed_db", "snr"} <= set(result.metrics["validation"])
    worst = json.loads((review / "worst_mixtures.json").read_text())
    assert [row["si_sdri"] for row in worst] == pytest.approx(sorted(gains["validation"])[:2])
    assert all(set(row["files"]) == {"noisy", "clean", "output"} for row in worst)

    # Judged again, the same items come out the same.
    summary = evaluate(result.path, out=str(tmp_path / "out"))
    assert summary["metrics"] == pytest.approx({name: test[name] for name in summary["metrics"]})
    page = Path(report(result.path)).read_text(encoding="utf-8")
    assert page.count("<audio") == 2 * 3 + 2 * 4


def test_the_same_items_are_kept_to_listen_to_as_it_learns(config: Callable[..., Experiment]) -> None:
    run = Path(fit_local(config("train.epochs=4"), report=lambda event: None).path)
    seen = [event for event in events.read(str(run)) if event["kind"] == "examples"]
    assert [event["epoch"] for event in seen] == [1, 2, 4]
    for first, last in zip(seen[0]["items"], seen[-1]["items"], strict=True):
        assert first["id"] == last["id"]
        assert first["files"]["noisy"] == last["files"]["noisy"]
        sounds = [
            decode_path(str(run / name), rate_hz=RATE_HZ, max_s=1)
            for name in (first["files"]["output"], last["files"]["output"], last["files"]["noisy"])
        ]
        assert [len(wav_N) for wav_N in sounds] == [4000] * 3
        assert not np.array_equal(sounds[0], sounds[1]), "it has learned something"


def test_examples_change_nothing_of_a_run(config: Callable[..., Experiment]) -> None:
    def losses(*overrides: str) -> list[float]:
        path = fit_local(config(*overrides), report=lambda event: None).path
        return [event["loss"] for event in events.read(path) if event["kind"] == "step"]

    assert losses() == losses("track.examples=0")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("data.noisy=null", "needs data.noisy"),
        ("task={kind: classify}", "no network for task.kind=classify"),
        ("model.sample_rate_hz=16000", "model.sample_rate_hz"),
        ("train.metric=accuracy", "si_sdri"),
    ],
)
def test_what_does_not_fit_is_said(config: Callable[..., Experiment], override: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        fit_local(config(override), report=lambda event: None)
    assert words in f"{caught.value.message} {caught.value.hint}"


def test_all_figures_of_a_run(config: Callable[..., Experiment], tmp_path: Path) -> None:
    """Of what comes out and of what went in; what is not to be had (wide-band PESQ at 8 kHz) is counted as missing."""
    pytest.importorskip("pystoi")
    pytest.importorskip("pesq")
    run = fit_local(config("train.epochs=1"), report=lambda event: None)
    found = quality(run.path, out=str(tmp_path / "out"))
    figures = found["figures"]
    assert figures["si_sdr_gain"]["mean"] == pytest.approx(run.metrics["test"]["si_sdri"], abs=0.05)
    gain = figures["si_sdr"]["mean"] - figures["si_sdr_noisy"]["mean"]
    assert figures["si_sdr_gain"]["mean"] == pytest.approx(gain, abs=1e-6)
    assert figures["pesq"]["items"] == 0
    assert sum(found["items"].values()) == 9
    assert found["clean_only"]["snr"]["items"] == found["items"]["clean_only"]
    assert found["noise_only"]["absent_db"]["items"] == found["items"]["noise_only"]
    assert set(found["by_noise"]) == {"made"}
    assert sum(band["items"] for band in found["by_snr"].values()) == found["items"]["noisy"]
    rows = pq.read_table(tmp_path / "out" / "quality.parquet").to_pylist()
    for name, band in found["by_snr"].items():
        low = float(name.split()[0])
        assert band["items"] == sum(row["kind"] == "noisy" and low <= row["snr_db"] < low + 5 for row in rows)


def test_a_list_of_pairs_of_files_is_judged(
    config: Callable[..., Experiment], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pystoi")
    pytest.importorskip("pesq")
    run = open_run(fit_local(config("train.epochs=1"), report=lambda event: None).path)
    random = np.random.default_rng(0)
    lines = ["noisy_path,clean_path,speaker,noise,snr_db"]
    for number in range(2):
        clean_N = 0.2 * np.sin(2 * np.pi * 200 * np.arange(6000) / RATE_HZ)
        noisy_N = clean_N + random.normal(0, 0.02, 6000)
        for what, wav_N in (("noisy", noisy_N), ("clean", clean_N)):
            (tmp_path / f"{what}{number}.wav").write_bytes(encode_wav(wav_N.astype(np.float32), RATE_HZ))
        lines.append(f"noisy{number}.wav,clean{number}.wav,s{number},hiss,17")
    (tmp_path / "pairs.csv").write_text("\n".join(lines))
    assert cli.main(["evaluate", run.path, str(tmp_path / "pairs.csv"), "--quality"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["figures"]["snr_noisy"]["mean"] == pytest.approx(17, abs=0.5)
    assert found["by_noise"]["hiss"]["items"] == 2
    assert found["by_snr"]["15 to 20 dB"]["items"] == 2
