"""A problem small enough to train in a second: what the tests of the loop share, and what their extra processes run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn

from sonant import tasks
from sonant.config.experiment import Experiment
from sonant.config.load import check
from sonant.data.batch import Batch
from sonant.train import checkpoint, loop
from sonant.train.evaluate import evaluate
from sonant.train.place import Place, average_buffers

LABELS = ("a", "b", "c")
SAMPLES = 32
ROWS = 26


class Net(nn.Module):
    """A linear classifier with, on demand, everything that could break exact continuation: batch norm and dropout."""

    def __init__(self, *, hard: bool = True) -> None:
        super().__init__()
        middle = [nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3)] if hard else [nn.Tanh()]
        self.layers = nn.Sequential(nn.Linear(SAMPLES, 8), *middle, nn.Linear(8, len(LABELS)))

    def forward(self, wav_BN: Tensor, *_: object) -> Tensor:
        return self.layers(wav_BN)


@dataclass
class Clips:
    """Batches as pure functions of the epoch, like those of sonant.data.loader; `poison` makes one row NaN-loud."""

    size: int
    training: bool = True
    rank: int = 0
    world: int = 1
    asked: list[tuple[int, int]] = field(default_factory=list)
    """(epoch, skip) of every call of `epoch`."""

    @property
    def steps(self) -> int:
        return (
            ROWS // (self.size * self.world) if self.training else -(-len(self.mine(torch.arange(ROWS))) // self.size)
        )

    def mine(self, order: Tensor) -> Tensor:
        """This rank's rows: in training, rank r takes the r-th part of each step of all ranks together."""
        if not self.training:
            return order[self.rank :: self.world]
        whole = order[: ROWS // (self.size * self.world) * self.size * self.world]
        return whole.view(-1, self.world, self.size)[:, self.rank].flatten()

    def epoch(self, epoch: int, skip: int = 0) -> Iterator[Batch]:
        self.asked.append((epoch, skip))
        generator = torch.Generator().manual_seed(epoch)
        rows = self.mine(torch.randperm(ROWS, generator=generator) if self.training else torch.arange(ROWS))
        for row_B in rows.split(self.size)[skip:]:
            yield batch(row_B)


def batch(row_B: Tensor) -> Batch:
    """Rows of one label are noise around one pattern."""
    generator = torch.Generator().manual_seed(7)
    pattern_KN = torch.randn(len(LABELS), SAMPLES, generator=generator)
    noise_RN = torch.randn(ROWS, SAMPLES, generator=generator)
    label_B = row_B % len(LABELS)
    wav_BN = (4000 * pattern_KN[label_B] + 8000 * noise_RN[row_B]).clamp(-32768, 32767).to(torch.int16)
    return Batch(wav_BN, torch.full_like(row_B, SAMPLES), label_B, row_B)


def experiment(seed: int = 3, **train: Any) -> Experiment:
    """A config whose sections other than `train` do not matter to the loop."""
    data = {"name": "tiny", "seed": seed, "model": {"kind": "tc_resnet"}, "data": {"corpus": "none"}, "train": train}
    return check(Experiment, data)


@dataclass
class Outcome:
    """What a training left behind."""

    events: list[dict[str, Any]]
    saved: list[tuple[str, int]]
    weights: dict[str, Tensor]
    summary: loop.Summary
    asked: list[tuple[int, int]]
    """Which epochs were trained on, and how many steps of each were skipped."""

    def losses(self) -> list[tuple[int, float]]:
        return [(event["step"], event["loss"]) for event in self.events if event["kind"] == "step"]


class Stopped(Exception):
    """Stands for a kill: training ends at once, in the middle of things."""


def run(
    cfg: Experiment,
    folder: Path,
    *,
    hard: bool = True,
    size: int = 4,
    place: Place | None = None,
    start: str | None = None,
    stop_at: int | None = None,
) -> Outcome:
    """Trains a fresh Net with checkpoints in `folder`; `start` continues from one, `stop_at` kills it when as many
    events and checkpoints have happened."""
    place = place or Place()
    torch.manual_seed(0)
    model = Net(hard=hard)
    task = tasks.create(cfg.task, LABELS, (9, 9, 8))
    pair = (Clips(size, training, place.rank, place.world) for training in (True, False))
    events: list[dict[str, Any]] = []
    saved: list[tuple[str, int]] = []

    def happened() -> None:
        if len(events) + len(saved) == stop_at:
            raise Stopped

    def report(event: dict[str, Any]) -> None:
        events.append(event)
        happened()

    def save(which: str, state: checkpoint.Checkpoint) -> None:
        if place.rank == 0:
            checkpoint.save(str(folder / which), state)
        saved.append((which, state.state["progress"]["step"]))
        happened()

    before = checkpoint.load(str(folder / start)) if start else None
    loaders = loop.Loaders(*pair)
    summary = loop.train(cfg, model, task, loaders, place=place, report=report, save=save, start=before)
    last = checkpoint.load(str(folder / "last")) if place.rank == 0 else None
    return Outcome(events, saved, last.weights if last else dict(model.state_dict()), summary, loaders.train.asked)


def main(rank: int, world: int, folder: Path) -> None:
    """One process of several: plain, undisturbed, killed and continued trainings, and what each one saw."""
    torch.set_num_threads(1)
    store = distributed.FileStore(str(folder / "store"), world)
    distributed.init_process_group("gloo", store=store, rank=rank, world_size=world)
    place = Place(torch.device("cpu"), rank, world)
    plain = experiment(epochs=2, schedule={"kind": "constant"})
    hard = experiment(epochs=3, ema_decay=0.9, checkpoint_every_steps=2)
    seen: dict[str, Any] = {"plain": told(run(plain, folder / "plain", hard=False, place=place))}
    seen["whole"] = told(run(hard, folder / "whole", place=place))
    try:
        run(hard, folder / "cut", place=place, stop_at=7)
    except Stopped:
        distributed.barrier()  # rank 0 may still be writing
        seen["continued"] = told(run(hard, folder / "cut", place=place, start="last"))
    norm = nn.BatchNorm1d(2)
    norm.running_mean.fill_(1.0 + 2 * rank)
    average_buffers(norm, place)
    seen["buffers"] = [norm.running_mean.tolist(), norm.running_var.tolist(), int(norm.num_batches_tracked)]
    torch.manual_seed(1)
    task = tasks.create(plain.task, LABELS, (9, 9, 8))
    scored = evaluate(Net(hard=False), task, Clips(5, False, rank, world), place)
    seen["scored"] = [scored.row_N.tolist(), scored.label_N.tolist(), scored.logits_NK.tolist()]
    (folder / f"seen{rank}.json").write_text(json.dumps(seen))
    distributed.barrier()
    distributed.destroy_process_group()


def told(outcome: Outcome) -> dict[str, Any]:
    epochs = [event["metrics"] for event in outcome.events if event["kind"] == "epoch"]
    weights = {name: value.tolist() for name, value in outcome.weights.items()}
    return {"losses": outcome.losses(), "epochs": epochs, "weights": weights}


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    # DDP keeps gloo's threads alive past destroy_process_group (torch 2.13). One that lets go of its last tensor while
    # Python is finalized aborts the process, once in some thirty runs.
    os._exit(0)
