"""An extractor on lists of files: our mixtures.csv, and a list of others with a map."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from models.spec import create
from sonant.audio.wav import encode_wav
from sonant.cli import main
from sonant.config.experiment import Experiment
from sonant.config.load import check, dump
from sonant.errors import ConfigError, DataError
from sonant.measure.listed import evaluate_list
from sonant.measure.quality import quality
from sonant.train import checkpoint
from sonant.train.checkpoint import Checkpoint

RATE_HZ = 8000
NETWORK = {
    "kind": "causal_extractor", "sample_rate_hz": RATE_HZ, "channels": 4, "hidden": 4, "stacks": 1, "blocks": 1,
    "voice_size": 2, "enrolment_blocks": 0, "latency_ms": 16, "hops_per_frame": 2, "memory": {"kind": "none"},
    "basis": {"kind": "learned", "filters": 8},
}  # fmt: skip
MIXES = ("1-10-00_2-20-00", "1-11-05_3-30-01", "2-20-09_3-31-02")


@pytest.fixture
def run(tmp_path: Path) -> str:
    """A run folder with fresh weights, as far as judging looks at it."""
    data = {"corpus": "gone", "mixtures": {}, "labels": []}
    given = {"name": "x", "task": {"kind": "extract", "speaker_weight": 0}, "model": NETWORK, "data": data}
    config: Experiment = check(Experiment, given)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text(dump(config))
    weights = create(config.model).state_dict()
    checkpoint.save(str(folder / "checkpoints" / "best"), Checkpoint(weights, {"progress": {"step": 0}}))
    return str(folder)


@pytest.fixture
def listed(tmp_path: Path) -> Callable[..., Path]:
    def make(*lines: str) -> Path:
        rows = ["mixture_ID,mixture_path,source_1_path,source_2_path,length"]
        for number, name in enumerate(MIXES):
            s1_N, s2_N = np.random.default_rng(number).uniform(-0.3, 0.3, (2, 1600 + 100 * number)).astype(np.float32)
            for kind, wav_N in (("mix_clean", s1_N + s2_N), ("s1", s1_N), ("s2", s2_N)):
                (tmp_path / kind).mkdir(exist_ok=True)
                (tmp_path / kind / f"{name}.wav").write_bytes(encode_wav(wav_N, RATE_HZ))
            rows.append(f"{name},mix_clean/{name}.wav,s1/{name}.wav,s2/{name}.wav,{s1_N.size}")
        (tmp_path / "mixtures.csv").write_text("\n".join(rows) + "\n")
        (tmp_path / "map").write_text("\n".join(lines) + "\n")
        return tmp_path

    return make


MAP = (f"{MIXES[0]} 1-10-00 s1/{MIXES[1]}", f"{MIXES[1]} 1-11-05 s1/{MIXES[0]}", f"{MIXES[2]} 2-20-09 s2/{MIXES[0]}")


def test_a_list_of_others_is_judged(
    run: str, listed: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = listed(*MAP)
    out = str(tmp_path / "out")
    words = ["evaluate", run, str(folder / "mixtures.csv"), "--enrolment", str(folder / "map"), "--out", out]
    assert main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["mixtures"], found["speakers"]) == (3, 2)
    assert found["interval"][0] <= found["metrics"]["si_sdri"] <= found["interval"][1]
    rows = pq.read_table(tmp_path / "out" / "mixtures.parquet").to_pylist()
    assert [row["speaker"] for row in rows] == ["1", "1", "2"]
    assert np.mean([row["si_sdr_mixture"] for row in rows]) == pytest.approx(found["metrics"]["si_sdr_mixture"], 1e-4)


def test_all_figures_of_a_list(run: str, listed: Callable[..., Path]) -> None:
    pytest.importorskip("pystoi")
    pytest.importorskip("pesq")
    folder = listed(*MAP)
    found = quality(run, str(folder / "mixtures.csv"), enrolment=str(folder / "map"))
    assert (found["mixtures"], found["figures"]["si_sdri"]["items"]) == (3, 3)


def test_a_reference_that_is_the_target_counts_for_nothing(
    run: str, listed: Callable[..., Path], caplog: pytest.LogCaptureFixture
) -> None:
    itself = f"{MIXES[0]} 1-10-00 s1/{MIXES[0]}"
    folder = listed(itself, MAP[2])
    assert evaluate_list(run, str(folder / "mixtures.csv"), enrolment=str(folder / "map"))["mixtures"] == 1
    assert "in 1 mixtures the reference is the target itself" in caplog.text
    folder = listed(itself)
    with pytest.raises(DataError, match="every reference is the target itself"):
        evaluate_list(run, str(folder / "mixtures.csv"), enrolment=str(folder / "map"))


def test_other_networks_have_no_use_for_lists(tiny_run: Path, listed: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="nothing to do with lists of mixtures"):
        evaluate_list(str(tiny_run), str(listed(*MAP) / "mixtures.csv"))
