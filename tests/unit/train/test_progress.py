"""Counters: what counts as better, when the rate falls, when to stop."""

from typing import Any

import pytest
from pydantic import ValidationError

from sonant.config.train import Plateau, TrainConfig
from sonant.train.progress import Progress, after_epoch, exhausted, improved, with_losses

UP = TrainConfig(metric="accuracy", mode="max")


def follow(settings: TrainConfig, values: list[float]) -> list[Progress]:
    seen = [Progress()]
    for value in values:
        seen.append(after_epoch(seen[-1], {settings.metric: value}, settings))
    return seen[1:]


def test_the_best_epoch_is_the_first_of_equals() -> None:
    seen = follow(UP, [0.5, 0.7, 0.7, 0.6])
    assert [progress.best_epoch for progress in seen] == [1, 2, 2, 2]
    assert [progress.stale for progress in seen] == [0, 0, 1, 2]
    assert seen[-1].best == {"accuracy": 0.7}


def test_smaller_can_be_better() -> None:
    assert [p.best_epoch for p in follow(TrainConfig(metric="loss", mode="min"), [2.0, 3.0, 1.0])] == [1, 1, 3]


def test_nan_is_never_better_and_anything_is_better_than_nan() -> None:
    nan = float("nan")
    assert [p.best_epoch for p in follow(UP, [nan, nan, 0.1, nan])] == [1, 1, 3, 3]
    assert improved(Progress(), {"accuracy": nan}, UP)  # something must be exportable


def test_where_the_last_epoch_is_kept_each_counts_as_better() -> None:
    nan = float("nan")
    seen = follow(TrainConfig(keep="last"), [0.9, 0.5, nan, 0.7])
    assert [progress.best_epoch for progress in seen] == [1, 2, 3, 4]
    assert seen[-1].best == {"accuracy": 0.7}


@pytest.mark.parametrize("waits", [{"patience_epochs": 3}, {"schedule": {"kind": "plateau"}}], ids=str)
def test_the_last_epoch_cannot_be_kept_by_what_waits_for_the_best(waits: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="keep=last"):
        TrainConfig.model_validate({"keep": "last", **waits})


def test_a_plateau_waits_out_its_patience_each_time() -> None:
    settings = TrainConfig(schedule=Plateau(patience_epochs=1))
    assert [p.reductions for p in follow(settings, [0.5] + [0.4] * 6 + [0.6, 0.5, 0.5])] == [
        0,
        0,
        1,
        1,
        2,
        2,
        3,
        3,
        3,
        4,
    ]


@pytest.mark.parametrize(("patience", "ends"), [(None, [False] * 4), (2, [False, False, True, True])])
def test_patience(patience: int | None, ends: list[bool]) -> None:
    settings = TrainConfig(patience_epochs=patience)
    assert [exhausted(progress, settings) for progress in follow(settings, [0.5, 0.4, 0.4, 0.4])] == ends


def test_losses_are_those_of_the_epoch() -> None:
    progress = with_losses(with_losses(Progress(), 3.0, 2.0), 1.0, 2.0)
    assert (progress.loss_sum, progress.loss_count) == (4.0, 4.0)
    done = after_epoch(progress, {"accuracy": 1.0}, UP)
    assert (done.epoch, done.loss_sum, done.loss_count) == (1, 0.0, 0.0)
