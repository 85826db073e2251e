"""Learning rates."""

import pytest

from sonant.config.train import Constant, Cosine, Plateau, TrainConfig
from sonant.train.schedule import rate


def rates(settings: TrainConfig, total: int) -> list[float]:
    return [rate(settings, step=step, total=total, reductions=0) for step in range(total)]


def test_cosine_warms_up_in_a_line_and_comes_down() -> None:
    seen = rates(TrainConfig(lr=2.0, schedule=Cosine(warmup_share=0.2, final_share=0.1)), 20)
    assert seen[:4] == pytest.approx([0.5, 1.0, 1.5, 2.0])
    assert seen[4] == pytest.approx(2.0)
    assert seen[12] == pytest.approx(2.0 * (0.1 + 0.9 * 0.5))  # half way down
    assert seen[4:] == sorted(seen[4:], reverse=True)
    assert 0.2 < seen[-1] < 0.25


def test_cosine_without_warmup_and_to_nothing_is_positive_at_every_step() -> None:
    seen = rates(TrainConfig(lr=1.0, schedule=Cosine(warmup_share=0.0)), 7)
    assert seen[0] == 1.0
    assert min(seen) > 0


def test_one_step_is_enough() -> None:
    assert rates(TrainConfig(lr=1.0), 1) == [1.0]


def test_constant_and_plateau() -> None:
    assert rates(TrainConfig(lr=0.3, schedule=Constant()), 3) == [0.3] * 3
    settings = TrainConfig(lr=0.4, schedule=Plateau(factor=0.5))
    assert [rate(settings, step=9, total=10, reductions=n) for n in range(3)] == pytest.approx([0.4, 0.2, 0.1])
