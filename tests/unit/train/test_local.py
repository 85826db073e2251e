"""Whole trainings without Ray: what a run leaves behind, and continuing it after it was stopped anywhere."""

import json
import random
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from sonant import tasks
from sonant.config.experiment import Experiment
from sonant.data.corpus import Corpus
from sonant.data.loader import Loader
from sonant.data.split import split
from sonant.errors import ConfigError, DataError, EnvError, RunError
from sonant.track import events
from sonant.train import checkpoint
from sonant.train.evaluate import evaluate
from sonant.train.local import fit_local
from sonant.train.place import Place
from sonant.train.run import open_run

Config = Callable[..., Experiment]
EVERYTHING = (
    "train.epochs=3", "train.ema_decay=0.8", "train.checkpoint_every_steps=1", "data.augment.mixup_p=0.5",
    "data.augment.room_p=0.5", "data.prefetch=3", "train.schedule={kind: plateau, patience_epochs: 0}",
    "train.metric=loss", "train.mode=min", "model.dropout=0.2",
)  # fmt: skip


class Killed(Exception):
    pass


def quiet(_event: events.Event) -> None:
    pass


def dies_after(count: int) -> Callable[[events.Event], None]:
    left = iter(range(count - 1))

    def report(_event: events.Event) -> None:
        if next(left, None) is None:
            raise Killed

    return report


def told(path: str) -> list[tuple[Any, ...]]:
    """What should not depend on interruptions: losses, rates, norms and metrics, not times."""
    seen = events.history(events.read(path))
    steps = [(e["step"], e["loss"], e["lr"], e["grad_norm"]) for e in seen if e["kind"] == "step"]
    epochs = [(e["epoch"], e["train_loss"], e["metrics"], e["best"]) for e in seen if e["kind"] == "epoch"]
    return [*steps, *epochs, *((e["best"], e["test"], e["status"]) for e in seen if e["kind"] == "end")]


def test_a_run_holds_everything_about_itself(config: Config) -> None:
    seen: list[events.Event] = []
    result = fit_local(config("train.epochs=4"), report=seen.append)
    run = open_run(result.path)
    path = Path(result.path)

    assert run.labels == ("high", "low", "mid")
    assert run.config.model.outputs == 3
    assert {"git", "packages", "machine", "seed"} <= json.loads((path / "environment.json").read_text()).keys()
    log = events.read(result.path)
    assert [{k: v for k, v in e.items() if k != "time"} for e in log] == [events.finite(e) for e in seen]
    assert [e["kind"] for e in log if e["kind"] in ("start", "epoch", "end")] == ["start", *["epoch"] * 4, "end"]
    assert log[-1]["best"] == result.metrics["validation"]
    assert log[-1]["test"] == result.metrics["test"]
    assert result.metrics["test"]["accuracy_low"] <= result.metrics["test"]["accuracy"]

    # The model that is handed out gives exactly the metrics that were told.
    corpus = Corpus.open(run.config.data.corpus)
    parts = split(corpus, run.config.data.split, run.config.seed)
    loader = Loader(corpus, parts.validation, run.labels, run.config.data, seed=0, training=False)
    task = tasks.create(run.config.task, run.labels, (1, 1, 1))
    scored = evaluate(run.load_model("best"), task, loader, Place())
    assert task.metrics(scored.logits_NK, scored.label_N) == result.metrics["validation"]
    assert scored.row_N.tolist() == sorted(parts.validation.tolist())

    rows = pq.read_table(path / "review" / "predictions.parquet").to_pylist()
    assert {row["split"] for row in rows} == {"validation", "test"}
    assert len(rows) == len(parts.validation) + len(parts.test)
    worst = json.loads((path / "review" / "worst.json").read_text())
    validation = [row for row in rows if row["split"] == "validation"]
    assert [row["loss"] for row in worst] == sorted((row["loss"] for row in validation), reverse=True)[:3]
    assert all((path / "review" / row["file"]).stat().st_size == 44 + 2 * 4000 for row in worst)
    matrices = json.loads((path / "review" / "confusion.json").read_text())
    right = sum(matrices["validation"][k][k] for k in range(3))
    assert right / len(parts.validation) == result.metrics["validation"]["accuracy"]


def test_a_killed_run_continued_is_the_undisturbed_run(config: Config) -> None:
    cfg = config(*EVERYTHING)
    whole = fit_local(cfg, report=quiet)
    lines = len(events.read(whole.path))
    # Every line of events.jsonl is a moment to be killed at, several times in one run.
    runs = Path(whole.path).parent
    for moments in (random.Random(1).sample(range(2, lines), 2), [2, 3]):
        before = set(runs.iterdir())
        with pytest.raises(Killed):
            fit_local(cfg, report=dies_after(moments[0]))
        (path,) = (str(each) for each in set(runs.iterdir()) - before)
        with pytest.raises(Killed):
            fit_local(cfg, resume=path, report=dies_after(min(3, moments[1])))
        again = fit_local(cfg, resume=path, report=quiet)
        assert told(again.path) == told(whole.path)
        assert again.metrics == whole.metrics
        for which in ("best", "last"):
            ours, theirs = (checkpoint.load(open_run(each.path).checkpoint(which)) for each in (again, whole))
            assert ours.weights.keys() == theirs.weights.keys()
            assert all(torch.equal(ours.weights[key], theirs.weights[key]) for key in ours.weights)
            assert ours.state["progress"] == theirs.state["progress"]


def test_a_finished_run_can_be_resumed_and_stays_as_it_is(config: Config) -> None:
    cfg = config()
    first = fit_local(cfg, report=quiet)
    again = fit_local(cfg, resume=first.path, report=quiet)
    assert (again.path, again.metrics) == (first.path, first.metrics)
    assert [event["kind"] for event in events.history(events.read(first.path))].count("end") == 1


def test_resuming_with_another_config_names_the_difference(config: Config) -> None:
    path = fit_local(config(), report=quiet).path
    with pytest.raises(ConfigError, match=r"train\.lr is 0\.5, but the run at .* has 0\.01"):
        fit_local(config("train.lr=0.5"), resume=path)
    fit_local(config("track.worst=1", "ray.max_failures=7"), resume=path, report=quiet)  # how, not what
    with pytest.raises(RunError) as caught:
        fit_local(config(), resume=str(Path(path).parent))
    assert caught.value.code == "run.not_found"


def test_the_resolved_config_trains_the_same_run_again(config: Config) -> None:
    first = fit_local(config(), report=quiet)
    again = fit_local(open_run(first.path).config, report=quiet)
    assert again.path != first.path
    assert told(again.path) == told(first.path)


def test_divergence_ends_in_the_log(config: Config) -> None:
    with pytest.raises(RunError) as caught:
        fit_local(config("train.lr=1e30", "train.clip_norm=null", "train.epochs=9"), report=quiet)
    assert caught.value.code == "run.diverged"
    (run,) = (Path(config().track.runs) / "tones").iterdir()
    last = events.read(str(run))[-1]
    assert (last["kind"], last["status"], last["error"]) == ("end", "failed", "run.diverged")


def test_a_corpus_without_validation_clips_is_refused(config: Config) -> None:
    with pytest.raises(DataError, match="no validation clips"):
        fit_local(config("data.split={kind: random_speakers, validation: 0, test: 0.25}"), report=quiet)


def test_a_gpu_that_is_not_there_is_an_error(config: Config) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has one")
    with pytest.raises(EnvError, match="sees no GPU"):
        fit_local(config("ray.use_gpu=true"))


WAV2VEC2 = (
    "{kind: wav2vec2, conv_channels: 8, size: 8, layers: 1, heads: 2, hidden: 8, position_kernel: 4, "
    "position_groups: 2, freeze_layers: 1, pretrained: weights.safetensors}"
)


@pytest.mark.skipif(find_spec("torchaudio") is None, reason="the pretrained extra is not installed")
def test_only_a_fresh_run_begins_with_pretrained_weights(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.spec import create

    monkeypatch.chdir(tmp_path)
    cfg = config(f"model={WAV2VEC2}", "train.epochs=2", "train.checkpoint_every_steps=1")
    with pytest.raises(ConfigError, match=r"model\.pretrained: cannot read .*weights\.safetensors"):
        fit_local(cfg, report=quiet)
    (frames,) = create(cfg.model.model_copy(update={"outputs": 3})).encoder
    save_file(frames.network.state_dict(), tmp_path / "weights.safetensors")
    with pytest.raises(Killed):
        fit_local(cfg, report=dies_after(4))
    (tmp_path / "weights.safetensors").unlink()
    (path,) = {str(found.parents[2]) for found in tmp_path.glob("runs/*/*/checkpoints/last/*")}
    ended = fit_local(cfg, resume=path, report=quiet)
    assert ended.path == path
    monkeypatch.chdir("/")
    run = open_run(path)
    assert run.config.model.pretrained == str(tmp_path / "weights.safetensors")
    trained = run.load_model().state_dict()
    for name, value in frames.network.state_dict().items():
        assert torch.equal(trained[f"encoder.0.network.{name}"], value)
