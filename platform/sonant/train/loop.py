"""The training loop: torch only, one function to read from top to bottom, the same for one process and for many.

Nothing random lives longer than a step: torch is seeded from (seed, step, rank), and batches are pure functions of
(seed, epoch). So a checkpoint needs no generator state, and a run continued at any step is the undisturbed run, bit for
bit on a CPU.
"""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from sonant.errors import RunError
from sonant.train import ema
from sonant.train.checkpoint import Checkpoint
from sonant.train.evaluate import evaluate
from sonant.train.place import Place, average_buffers, gather_rows
from sonant.train.progress import Progress, after_epoch, exhausted, improved, with_losses
from sonant.train.schedule import rate
from sonant.train.window import Report, Window

if TYPE_CHECKING:
    from sonant.config.experiment import Experiment
    from sonant.config.train import TrainConfig
    from sonant.tasks.task import AnyTask, Batches

Save = Callable[[str, Checkpoint], None]
Look = Callable[[int, int, nn.Module], None]
"""(epochs that are over, steps, the network that was judged): to look at what it does now."""

_AUTOCAST = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_MOST_STEPS_BETWEEN_REPORTS = 50


class Loaders(NamedTuple):
    """Where batches come from."""

    train: Batches[Any]
    validation: Batches[Any]


@dataclass(frozen=True)
class Summary:
    """How a run ended."""

    status: str
    """done | stopped_early"""
    progress: Progress


def train(
    cfg: Experiment,
    model: nn.Module,
    task: AnyTask,
    loaders: Loaders,
    *,
    place: Place,
    report: Report,
    save: Save,
    start: Checkpoint | None = None,
    look: Look | None = None,
) -> Summary:
    """Trains `model` in place. `report` gets step and epoch events, `save` checkpoints ("best", "last"), both on every
    rank at the same steps; `look` is called after every epoch. Raises run.diverged on all ranks when the loss is no
    longer a number."""
    settings, steps_per_epoch = cfg.train, loaders.train.steps
    all_steps = settings.epochs * steps_per_epoch
    report_every = max(1, min(_MOST_STEPS_BETWEEN_REPORTS, steps_per_epoch // 10))

    model.to(place.device).train()
    optimizer = make_optimizer(model, settings)
    scaler = torch.amp.GradScaler(place.device.type, enabled=settings.precision == "fp16")
    average = ema.start(model) if settings.ema_decay > 0 else None
    plan = {"world": place.world, "steps_per_epoch": steps_per_epoch}
    progress = restore(start, plan, model, average, optimizer, scaler) if start else Progress()
    check_together(progress, place)
    if settings.compile:
        model.compile()
    network = distribute(model, place)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def checkpoint() -> Checkpoint:
        weights = (model if average is None else average).state_dict()
        state = {
            "plan": plan,
            "progress": asdict(progress),
            "model": model.state_dict(),
            "average": None if average is None else average.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scaler": scaler.state_dict(),
        }
        return Checkpoint(weights, state)

    while progress.epoch < settings.epochs and not exhausted(progress, settings):
        epoch_began = time.perf_counter()
        first, last = progress.epoch * steps_per_epoch, (progress.epoch + 1) * steps_per_epoch
        batches = loaders.train.epoch(progress.epoch, skip=progress.step - first)
        window = Window(place.device)
        for batch in window.waiting(batches):
            seed_step(cfg.seed, progress.step, place.rank)
            lr = rate(settings, step=progress.step, total=all_steps, reductions=progress.reductions)
            for group in optimizer.param_groups:
                group["lr"] = lr
            inputs = task.inputs(batch.to(place.device), training=True)
            with torch.autocast(place.device.type, _AUTOCAST[settings.precision], enabled=settings.precision != "fp32"):
                loss = task.loss(network, inputs)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            grad_norm = nn.utils.clip_grad_norm_(parameters, settings.clip_norm or math.inf)
            scaler.step(optimizer)
            scaler.update()
            optimizer.zero_grad(set_to_none=True)
            if average is not None:
                ema.update(average, model, settings.ema_decay, progress.step)

            window.add(loss, grad_norm)
            progress = replace(progress, step=progress.step + 1)
            inside = settings.checkpoint_every_steps is not None and progress.step < last
            save_now = inside and progress.step % (settings.checkpoint_every_steps or 1) == 0
            # Windows end with every checkpoint, so a continued run reports the same windows.
            if save_now or progress.step == last or progress.step % report_every == 0:
                progress = with_losses(progress, *window.close(progress, place, lr, report))
            if save_now:
                share_buffers(model, average, place)
                save("last", checkpoint())

        share_buffers(model, average, place)
        judged = model if average is None else average
        scored = evaluate(judged, task, loaders.validation, place)
        metrics = task.metrics(scored.logits_NK, scored.label_N, scored.row_N)
        best, loss_mean = improved(progress, metrics, settings), progress.loss_sum / progress.loss_count
        progress = after_epoch(progress, metrics, settings)
        report(
            {
                "kind": "epoch",
                "epoch": progress.epoch,
                "step": progress.step,
                "train_loss": loss_mean,
                "metrics": metrics,
                "best": best,
                "seconds": round(time.perf_counter() - epoch_began, 3),
            }
        )
        if look is not None:
            look(progress.epoch, progress.step, judged)
        # The best goes first: `last` knows that this epoch was the best, so it must never be ahead of it.
        if best:
            save("best", checkpoint())
        save("last", checkpoint())
    return Summary("done" if progress.epoch == settings.epochs else "stopped_early", progress)


def make_optimizer(model: nn.Module, settings: TrainConfig) -> torch.optim.AdamW:
    """AdamW that decays matrices and kernels, but neither biases nor norms."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.lr, fused=True)


def distribute(model: nn.Module, place: Place) -> nn.Module:
    """Wraps the model so that gradients are averaged over all workers. Buffers are shared by us, where it matters,
    and not at every step."""
    if place.world == 1:
        return model
    devices = [place.device] if place.device.type == "cuda" else None
    # torch 2.13 renamed the switch and warns about the old name.
    names = inspect.signature(DistributedDataParallel).parameters
    unshared: dict[str, Any] = {
        "forward_sync_buffers" if "forward_sync_buffers" in names else "broadcast_buffers": False
    }
    return DistributedDataParallel(model, device_ids=devices, gradient_as_bucket_view=True, **unshared)


def restore(
    start: Checkpoint,
    plan: dict[str, int],
    model: nn.Module,
    average: nn.Module | None,
    optimizer: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
) -> Progress:
    """Puts a checkpoint back into everything that has state. It must come from a run that goes the same steps."""
    state = start.state
    if state["plan"] != plan:
        raise RunError(
            "run.failed",
            f"the run went {state['plan']}, now it would go {plan}: not the same steps",
            hint="continue with the same data, batch size and ray.num_workers",
        )
    model.load_state_dict(state["model"])
    if average is not None:
        average.load_state_dict(state["average"])
    optimizer.load_state_dict(state["optimizer"])
    scaler.load_state_dict(state["scaler"])
    return Progress(**state["progress"])


def check_together(progress: Progress, place: Place) -> None:
    """Processes that start at different steps would wait for each other without end."""
    steps = gather_rows(torch.tensor([progress.step], device=place.device), place).tolist()
    if len(set(steps)) > 1:
        raise RunError("run.failed", f"workers found checkpoints of different steps: {steps}", hint="resume the run")


def seed_step(seed: int, step: int, rank: int) -> None:
    """Dropout and the like, as a pure function of where we are."""
    torch.manual_seed(int(np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0]) >> 1)


def share_buffers(model: nn.Module, average: nn.Module | None, place: Place) -> None:
    average_buffers(model, place)
    if average is not None:
        average_buffers(average, place)
