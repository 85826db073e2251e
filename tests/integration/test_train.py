"""[ray] Training on a local Ray: two workers, lost workers, a killed driver, mistakes."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from sonant import tasks
from sonant.config.experiment import Experiment
from sonant.config.load import check, dump
from sonant.data.corpus import Corpus
from sonant.data.loader import Loader
from sonant.data.split import split
from sonant.errors import DataError, RunError
from sonant.track import events
from sonant.train import checkpoint
from sonant.train.evaluate import evaluate
from sonant.train.fit import fit
from sonant.train.place import Place
from sonant.train.run import Result, open_run

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("ray_session"),
    pytest.mark.filterwarnings(r"ignore::DeprecationWarning:ray\..*"),  # Ray Data warns of its own settings
]

Make = Callable[..., Experiment]
EVERY = 3
"""Steps between checkpoints."""


@pytest.fixture(scope="module")
def make(tone_corpus: str, tmp_path_factory: pytest.TempPathFactory) -> Make:
    runs = tmp_path_factory.mktemp("train") / "runs"

    def config(workers: int = 2, **train: Any) -> Experiment:
        return check(
            Experiment,
            {
                "name": "tones",
                "model": {"kind": "tc_resnet", "width": 0.5, "dropout": 0.1},
                "data": {"corpus": tone_corpus, "clip_s": 0.5, "batch_size": 6, "repeat": 2},
                "train": {"epochs": 3, "ema_decay": 0.8, "checkpoint_every_steps": EVERY, "threads": 1, **train},
                "ray": {"num_workers": workers, "max_failures": 2},
                "track": {"runs": str(runs), "wandb": "off", "worst": 2},
            },
        )

    return config


def quiet(_event: events.Event) -> None:
    pass


@pytest.fixture(scope="module")
def whole(make: Make) -> Result:
    """The run that nothing happened to."""
    return fit(make(), report=quiet)


def told(path: str) -> list[tuple[Any, ...]]:
    """What should not depend on interruptions."""
    seen = events.history(events.read(path))
    steps = [(e["step"], e["loss"], e["lr"], e["grad_norm"]) for e in seen if e["kind"] == "step"]
    return [*steps, *((e["epoch"], e["train_loss"], e["metrics"]) for e in seen if e["kind"] == "epoch")]


def assert_same(run: Result, whole: Result) -> None:
    assert told(run.path) == told(whole.path)
    assert run.metrics == whole.metrics
    ours, theirs = (checkpoint.load(open_run(each.path).checkpoint("last")).weights for each in (run, whole))
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def until(condition: Callable[[], bool], limit_s: float = 240.0) -> None:
    over, pause = time.monotonic() + limit_s, threading.Event()
    while not condition():
        assert time.monotonic() < over, "waited in vain"
        pause.wait(0.05)


def worker_beside(pid: int) -> int:
    """The other training worker of the same Ray."""
    parent = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    title = Path(f"/proc/{pid}/cmdline").read_bytes().split(b".")[0]
    (other,) = (
        int(child)
        for child in children
        if int(child) != pid and Path(f"/proc/{child}/cmdline").read_bytes().startswith(title)
    )
    return other


def test_two_workers_train_one_model(whole: Result) -> None:
    seen = events.read(whole.path)
    start = seen[0]
    assert (start["kind"], start["world"], start["device"], start["step"]) == ("start", 2, "cpu", 0)
    assert (start["steps_per_epoch"], start["epochs"]) == (8, 3)  # 48 clips, twice, 12 a step
    assert [event["step"] for event in seen if event["kind"] == "checkpoint" and event["which"] == "last"] == [
        3, 6, 8, 9, 12, 15, 16, 18, 21, 24,
    ]  # fmt: skip
    assert seen[-1]["kind"] == "end"
    assert seen[-1]["best"] == whole.metrics["validation"]
    # The same weights judged by one process alone: over two workers, every clip counted once.
    run = open_run(whole.path)
    corpus = Corpus.open(run.config.data.corpus)
    rows = split(corpus, run.config.data.split, run.config.seed).validation
    loader = Loader(corpus, rows, run.labels, run.config.data, seed=0, training=False)
    task = tasks.create(run.config.task, run.labels, loader.label_counts)
    scored = evaluate(run.load_model(), task, loader, Place())
    assert task.metrics(scored.logits_NK, scored.label_N) == pytest.approx(whole.metrics["validation"], rel=1e-5)
    assert len(scored.row_N) == 12


def test_a_run_outlives_its_workers(make: Make, whole: Result) -> None:
    """Rank 0 is killed, later the other worker: each time at most one interval of steps is done again."""
    victims: Iterator[Callable[[int], int]] = iter((lambda pid: pid, worker_beside))
    pids: list[int] = []
    seen: list[events.Event] = []

    def report(event: events.Event) -> None:
        seen.append(event)
        if event["kind"] == "start":
            pids.append(event["pid"])
        if event["kind"] == "checkpoint" and event["step"] in (6, 15) and (find := next(victims, None)):
            os.kill(find(pids[-1]), signal.SIGKILL)

    result = fit(make(), report=report)
    starts = [at for at, event in enumerate(seen) if event["kind"] == "start"]
    assert len(starts) == 3
    for at in starts[1:]:
        before = max(event["step"] for event in seen[:at])
        assert seen[at]["step"] > 0
        assert before - seen[at]["step"] <= EVERY
    assert_same(result, whole)


def test_a_run_outlives_its_driver(make: Make, whole: Result, tmp_path: Path) -> None:
    cfg = make()
    cfg = cfg.model_copy(update={"track": cfg.track.model_copy(update={"runs": str(tmp_path / "runs")})})
    (tmp_path / "config.yaml").write_text(dump(cfg))
    command = [sys.executable, "-m", "jobs.train", str(tmp_path / "config.yaml")]
    driver = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: any("checkpoint" in path.read_text() for path in tmp_path.glob("runs/tones/*/events.jsonl")))
    finally:
        driver.kill()
        driver.wait()
    (path,) = (tmp_path / "runs" / "tones").iterdir()
    assert_same(fit(cfg, resume=str(path), report=quiet), whole)


def test_divergence_is_told_at_once(make: Make) -> None:
    with pytest.raises(RunError, match="the loss is") as caught:
        fit(make(lr=1e30, clip_norm=None), report=quiet)
    assert caught.value.code == "run.diverged"


def test_a_mistake_that_a_worker_meets_is_told_as_itself(make: Make) -> None:
    cfg = make()
    data = cfg.data.model_copy(
        update={"split": cfg.data.split.model_copy(update={"kind": "random_speakers", "validation": 0})}
    )
    ray = cfg.ray.model_copy(update={"max_failures": 0})
    with pytest.raises(DataError, match="no validation clips"):
        fit(cfg.model_copy(update={"data": data, "ray": ray}), report=quiet)
