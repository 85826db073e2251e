"""W&B for real, offline: the mirror's files are in the run folder and hold what happened."""

import json
import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import wandb

from sonant.audio.wav import encode_wav
from sonant.config.experiment import Experiment
from sonant.config.load import check
from sonant.config.track import TrackConfig
from sonant.errors import EnvError
from sonant.track import wandb as mirroring
from sonant.track.wandb import choose_mode, identity, mirror

LABELS = ["no", "yes"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run's folder."""
    for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    folder = tmp_path / "runs" / "kws" / "20260101T000000Z-abcd"
    (folder / "review" / "worst").mkdir(parents=True)
    (folder / "environment.json").write_text('{"seed": 5}')
    (folder / "review" / "confusion.json").write_text(json.dumps({"labels": LABELS, "validation": [[1, 1], [0, 2]]}))
    rows = [
        {"row": row, "id": f"c{row}", "split": split, "label": label, "predicted": "yes", "loss": 1.0, "score": 0.9}
        for row, (split, label) in enumerate([("validation", "no"), ("validation", "yes"), ("test", "yes")])
    ]
    pq.write_table(pa.Table.from_pylist(rows), folder / "review" / "predictions.parquet")
    worst = [{**row, "file": f"worst/{row['row']:02d}.wav", "sample_rate_hz": 8000} for row in rows[:2]]
    (folder / "review" / "worst.json").write_text(json.dumps(worst))
    for row in worst:
        wav = encode_wav(0.1 * np.random.default_rng(row["row"]).standard_normal(4000), 8000)
        (folder / "review" / row["file"]).write_bytes(wav)
    return folder


def config(**track: object) -> Experiment:
    data = {"name": "kws", "model": {"kind": "tc_resnet"}, "data": {"corpus": "none"}, "track": track}
    return check(Experiment, data)


def test_an_offline_run_holds_curves_confusion_and_the_worst_to_hear(run: Path) -> None:
    with mirror(str(run), config(wandb="offline", project="p1", group="sweep7")) as tell:
        tell({"kind": "start", "params": 10, "world": 1, "device": "cpu"})
        step = {"kind": "step", "epoch": 1, "loss": 0.5, "lr": 1e-3, "data_share": 0.0, "steps_per_s": 9.0}
        tell({**step, "step": 1, "grad_norm": None})
        tell({**step, "step": 2, "grad_norm": 1.0})
        tell({"kind": "epoch", "step": 2, "train_loss": 0.5, "metrics": {"accuracy": 0.75, "ece": None}})
        tell({"kind": "checkpoint", "which": "last", "step": 2})
        tell({"kind": "end", "status": "done", "step": 2, "best": {"accuracy": 0.75}, "test": {"accuracy": 0.5}})
    wandb.teardown()  # what leaving the process does: W&B's own process writes the rest

    (offline,) = (run / "wandb").glob("offline-run-*")
    (log,) = offline.glob("*.wandb")
    record = log.read_bytes()
    for word in (b"train/loss", b"validation/accuracy", b"best/accuracy", b"sweep7", b"trial", b"p1", b'"seed"'):
        assert word in record, word
    assert b"validation/ece" not in record  # null would be drawn as 0
    media = offline / "files" / "media"
    assert len(list(media.glob("audio/worst/*.wav"))) == 2
    assert len(list(media.glob("images/worst/*.png"))) == 2
    (table,) = media.glob("table/worst_*.table.json")
    seen = json.loads(table.read_text())
    assert seen["columns"] == ["id", "label", "predicted", "score", "loss", "audio", "spectrogram"]
    assert [row[:3] for row in seen["data"]] == [["c0", "no", "yes"], ["c1", "yes", "yes"]]
    (confusion,) = media.glob("table/confusion/validation_*.table.json")
    counted = json.loads(confusion.read_text())
    assert [row for row in counted["data"] if row[2]] == [["no", "yes", 1], ["yes", "yes", 1]]
    assert len(list(media.glob("table/confusion/test_*.table.json"))) == 1


def test_a_failed_run_is_closed_as_failed(run: Path) -> None:
    with pytest.raises(KeyError), mirror(str(run), config(wandb="offline")) as tell:
        tell({}["no kind"])
    wandb.teardown()
    (log,) = (run / "wandb").glob("offline-run-*/*.wandb")
    assert log.stat().st_size > 100


def test_off_leaves_nothing(run: Path) -> None:
    with mirror(str(run), config(wandb="off")) as tell:
        tell({"kind": "start"})
    assert not (run / "wandb").exists()


def test_the_mode_follows_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    assert choose_mode(TrackConfig()) == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert choose_mode(TrackConfig()) == "online"
    assert choose_mode(TrackConfig(wandb="offline")) == "offline"
    assert choose_mode(TrackConfig(wandb="off")) == "off"


def test_without_wandb_auto_says_so_once_and_others_fail(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mirroring, "find_spec", lambda name: None)
    with caplog.at_level(logging.INFO):
        assert choose_mode(TrackConfig()) == "off"
    assert [record.message for record in caplog.records] == ["wandb is not installed: no W&B for this run"]
    for mode in ("online", "offline"):
        with pytest.raises(EnvError, match=f"track.wandb={mode} needs wandb and matplotlib") as caught:
            choose_mode(TrackConfig(wandb=mode))
        assert caught.value.code == "env.missing_extra"


@pytest.mark.parametrize(
    ("run", "name"), [("s3://b/runs/x/r1", "r1"), ("/w/s7/trials/4", "s7-4"), ("/w/s7/repeats/4-seed1", "s7-4-seed1")]
)
def test_runs_of_a_sweep_are_known_by_its_name(run: str, name: str) -> None:
    assert identity(run) == name
