"""What Ray and our loop cost in training: steps a second with two workers on CPU, gloo, side by side.

    python benchmarks/train.py [--rounds 3] [--epochs 3] [--batch 32] [--clips 9600]

    ray      `sonant train` with ray.num_workers=2
    ddp      the same loop in two plain processes, as torchrun starts them
    bare     twenty lines of DDP by hand on the same batches: no reports, no average, no checkpoints

Rounds visit all three in turn and the median round counts, so other load on the machine hurts all alike. Steps of the
first epoch are left out. At the end of each epoch Ray's processes confer, which costs the steps beside them: epochs of
a second or two tell more of that than of training. The result is Markdown.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from models.spec import create
from sonant import tasks
from sonant.config.experiment import Experiment
from sonant.config.load import check
from sonant.config.ray import RayConfig
from sonant.data.corpus import Corpus
from sonant.data.loader import Loader
from sonant.data.source import Clip
from sonant.data.split import split
from sonant.data.write import write_corpus
from sonant.track.events import Event, read
from sonant.train.execute import execute
from sonant.train.loop import make_optimizer
from sonant.train.place import Place
from sonant.train.run import Run, create_run, open_run

WORLD = 2
Measured = dict[str, float]


def from_events(events: list[Event], wall_s: float) -> Measured:
    """Pace and waiting over all steps behind the first epoch."""
    windows = [event for event in events if event["kind"] == "step"]
    counts = [after["step"] - before["step"] for before, after in itertools.pairwise(windows)]
    spans = [
        (n, n / event["steps_per_s"], event) for n, event in zip(counts, windows[1:], strict=True) if event["epoch"] > 1
    ]
    seconds = sum(span for _, span, _ in spans)
    return {
        "steps_per_s": sum(n for n, _, _ in spans) / seconds,
        "data_share": sum(span * event["data_share"] for _, span, event in spans) / seconds,
        "wall_s": wall_s,
    }


def by_ray(cfg: Experiment) -> Measured:
    from sonant.train.fit import fit

    began = time.perf_counter()
    path = fit(cfg, report=lambda event: None).path
    return from_events(read(path), time.perf_counter() - began)


def by_processes(cfg: Experiment, program: str) -> tuple[Run, float]:
    run, began = create_run(cfg), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        started = [
            subprocess.Popen([sys.executable, __file__, "--worker", program, str(rank), folder, run.path])
            for rank in range(WORLD)
        ]
        codes = [process.wait() for process in started]
    assert codes == [0] * WORLD, f"workers of {program} ended with {codes}"
    return run, time.perf_counter() - began


def by_ddp(cfg: Experiment) -> Measured:
    run, wall_s = by_processes(cfg, "ddp")
    return from_events(read(run.path), wall_s)


def by_hand(cfg: Experiment) -> Measured:
    run, wall_s = by_processes(cfg, "bare")
    return {**json.loads((Path(run.path) / "bare.json").read_text()), "wall_s": wall_s}


def worker(program: str, rank: int, folder: str, path: str) -> None:
    store = distributed.FileStore(f"{folder}/store", WORLD)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=WORLD)
    run = open_run(path)
    if program == "ddp":
        execute(run, Place(torch.device("cpu"), rank, WORLD))
    else:
        bare(run, rank)
    distributed.barrier()
    distributed.destroy_process_group()


def bare(run: Run, rank: int) -> None:
    cfg, corpus = run.config, Corpus.open(run.config.data.corpus)
    torch.set_num_threads(1)
    rows = split(corpus, cfg.data.split, cfg.seed).train
    loader = Loader(corpus, rows, run.labels, cfg.data, seed=cfg.seed, training=True, rank=rank, world=WORLD)
    task = tasks.create(cfg.task, run.labels, loader.label_counts)
    model = create(cfg.model).train()
    optimizer = make_optimizer(model, cfg.train)
    network = DistributedDataParallel(model)
    seconds = waited = 0.0
    for epoch in range(cfg.train.epochs):
        began = asked = time.perf_counter()
        for batch in loader.epoch(epoch):
            waited += (time.perf_counter() - asked) * (epoch > 0)
            task.loss(network, task.inputs(batch, training=True)).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            optimizer.zero_grad()
            asked = time.perf_counter()
        seconds += (time.perf_counter() - began) * (epoch > 0)
    if rank == 0:
        steps = loader.steps * (cfg.train.epochs - 1)
        result = {"steps_per_s": steps / seconds, "data_share": waited / seconds}
        (Path(run.path) / "bare.json").write_text(json.dumps(result))


def config(folder: Path, epochs: int, batch: int, clips: int) -> Experiment:
    random = np.random.default_rng(0)

    def made() -> Any:
        for number in range(clips):
            part = {0: "test", 1: "validation"}.get(number % 20, "train")
            clip = Clip(f"c{number}", f"c{number}", {}, label="abcd"[number % 4], speaker=f"s{number}", split=part)
            yield clip, random.integers(-9000, 9000, 16_000).astype(np.int16)

    write_corpus(str(folder / "corpus"), made(), name="noise", sample_rate_hz=16_000, split_by="speaker")
    return check(
        Experiment,
        {
            "name": "bench",
            "model": {"kind": "tc_resnet", "causal": True},
            "data": {"corpus": str(folder / "corpus"), "batch_size": batch},
            "train": {"epochs": epochs, "threads": 1},
            "ray": {"num_workers": WORLD},
            "track": {"runs": str(folder / "runs"), "wandb": "off", "worst": 0},
        },
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--clips", type=int, default=9600, help="of the corpus; 64 of them are a step")
    args = parser.parse_args()
    from sonant.cluster.session import connect

    variants: dict[str, Callable[[Experiment], Measured]] = {"ray": by_ray, "ddp": by_ddp, "bare": by_hand}
    seen: dict[str, list[Measured]] = {name: [] for name in variants}
    with tempfile.TemporaryDirectory() as folder, connect(RayConfig(num_workers=WORLD)):
        cfg = config(Path(folder), args.epochs, args.batch, args.clips)
        for _ in range(args.rounds):
            for name, run in variants.items():
                seen[name].append(run(cfg))
    print(f"Load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| | steps/s | of bare | waiting for data | whole run, s |\n|---|---|---|---|---|")
    middle = {
        name: {key: statistics.median(one[key] for one in all_) for key in all_[0]} for name, all_ in seen.items()
    }
    for name, row in middle.items():
        ratio = row["steps_per_s"] / middle["bare"]["steps_per_s"]
        print(f"| {name} | {row['steps_per_s']:.1f} | {ratio:.2f} | {row['data_share']:.1%} | {row['wall_s']:.1f} |")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5])
    else:
        main()
