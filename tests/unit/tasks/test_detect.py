"""Frames: inputs, loss, scores and metrics."""

from typing import Any

import numpy as np
import pytest
import torch

from sonant import tasks
from sonant.config.task import ClassifyTask, DetectTask
from sonant.data.batch import Batch
from sonant.data.targets import FrameGrid
from sonant.errors import ConfigError
from sonant.runtime.frames import FrameLayout
from sonant.tasks.detect import Detect

RATE_HZ, FRAME = 1000, 20


def task(delay: int = 0, labels: tuple[str, ...] = ("x",), **settings: Any) -> Detect:
    layout = FrameLayout(frame=FRAME, delay=delay, causal=True, window=2000, context=400)
    made = tasks.create(DetectTask(**settings), labels, [1] * len(labels), FrameGrid(layout, labels, RATE_HZ))
    assert isinstance(made, Detect)
    return made


def levels(wav_BN: torch.Tensor, masks: object = None) -> torch.Tensor:
    """A network that knows what is loud: [B, T, 1]."""
    frames_BTN = wav_BN[:, : wav_BN.shape[1] // FRAME * FRAME].unflatten(1, (-1, FRAME))
    return 20 * frames_BTN.abs().mean(2, keepdim=True) - 5


def batch(frames: int = 300) -> Batch:
    """One recording, loud and heard in every third second."""
    target_T = (torch.arange(frames) // 50 % 3 == 1).to(torch.uint8)
    wav_N = 16_000 * target_T.repeat_interleave(FRAME).to(torch.int16)
    row = torch.tensor([7])
    return Batch(wav_N[None], torch.tensor([len(wav_N)]), 0 * row, row, target_BTK=target_T[None, :, None])


def test_whole_recordings_are_scored_frame_by_frame() -> None:
    row_N, label_N, logits_NK = task().score(levels, batch())
    assert row_N.tolist() == [7] * 300
    assert torch.equal(logits_NK > 0, label_N == 1)


def test_a_late_network_is_set_back() -> None:
    def late(wav_BN: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.pad(levels(wav_BN), (0, 0, 3, 0), value=-5.0)[:, :-3]

    _, label_N, logits_NK = task(delay=3).score(late, batch())
    assert torch.equal(logits_NK > 0, label_N == 1)


def test_loss_is_that_of_frames_and_leaves_out_what_nobody_can_know() -> None:
    one = task()
    good, bad = batch(), batch()
    bad = Batch(bad.wav_BN, bad.length_B, bad.label_B, bad.row_B, target_BTK=1 - bad.target_BTK)
    assert one.loss(levels, one.inputs(good)) < 0.1 < one.loss(levels, one.inputs(bad))
    first = good.target_BTK.clone()
    first[:, :2] = 1
    changed = Batch(good.wav_BN, good.length_B, good.label_B, good.row_B, target_BTK=first)
    assert task().loss(levels, one.inputs(changed)) > one.loss(levels, one.inputs(good))
    assert task(delay=2).loss(levels, one.inputs(changed)) == task(delay=2).loss(levels, one.inputs(good))


def test_metrics_of_a_perfect_and_a_blind_network() -> None:
    one = task()
    row_N, label_N, logits_NK = (part.numpy() for part in one.score(levels, batch()))
    metrics = one.metrics(logits_NK, label_N, row_N)
    assert set(metrics) == set(one.metric_names)
    assert (metrics["auc"], metrics["eer"], metrics["miss_at_fa1"], metrics["f1"]) == (1.0, 0.0, 0.0, 1.0)
    assert metrics["segment_error"] < 0.3  # hang-over
    assert metrics["loss"] < 0.1
    blind = one.metrics(np.zeros_like(logits_NK), label_N, row_N)
    assert blind["auc"] == 0.5
    assert blind["loss"] == pytest.approx(np.log(2))


def test_labels_are_judged_apart_and_those_never_heard_left_out() -> None:
    one = task(labels=("x", "y", "never"))
    row_N, label_N, logits_NK = (part.numpy() for part in task().score(levels, batch()))
    target_NK = np.concatenate([label_N, 1 - label_N, 0 * label_N], axis=1)
    metrics = one.metrics(np.concatenate([logits_NK] * 3, axis=1), target_NK, row_N)
    assert metrics["auc"] == 0.5  # right about x, always wrong about y


def test_what_moves_sound_in_time_is_refused() -> None:
    from models.spec import create
    from sonant.config.experiment import Experiment
    from sonant.config.load import check

    def grid(task: Any, head: str, **augment: Any) -> object:
        model = {"kind": "tcn", "outputs": 1, "causal": True, "head": {"kind": head}}
        data = {"corpus": "c", "augment": {"speed": 0, **augment}}
        cfg: Experiment = check(Experiment, {"name": "x", "task": task, "model": model, "data": data})
        return tasks.grid(cfg, ("x",), create(cfg.model))

    made = grid({"kind": "detect", "delay_ms": 60}, "framewise")
    assert isinstance(made, FrameGrid)
    assert (made.layout.frame, made.layout.delay, made.rate_hz) == (320, 3, 16_000)
    assert grid({}, "mean") is None
    with pytest.raises(ConfigError, match=r"augment\.speed"):
        grid({"kind": "detect"}, "framewise", speed=0.1)
    with pytest.raises(ConfigError, match="the head is mean"):
        grid({"kind": "detect"}, "mean")
    with pytest.raises(ConfigError, match=r"framewise does not fit"):
        grid({}, "framewise")


def test_a_task_without_a_kind_is_a_classifier() -> None:
    from pydantic import TypeAdapter

    from sonant.config.task import TaskConfig

    adapter: TypeAdapter[Any] = TypeAdapter(TaskConfig)
    assert isinstance(adapter.validate_python({"label_smoothing": 0.0}), ClassifyTask)
    assert isinstance(adapter.validate_python({"kind": "detect", "delay_ms": 0}), DetectTask)
