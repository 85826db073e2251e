"""When cleaning pays: never worse than leaving the sound alone."""

from __future__ import annotations

import random

import pytest

from sonant.runtime.transcribe.enhance import best_threshold


@pytest.mark.parametrize(
    ("snr_db", "off", "on", "below_db"),
    [
        ([0, 5, 10, 20], [9, 5, 2, 0], [4, 3, 2, 1], 7.5),
        ([0, 5], [1, 1], [1, 1], None),
        ([0, 5], [1, 1], [2, 3], None),
        ([0, 5], [3, 3], [1, 1], 5.5),
        ([5, 5, 10], [9, 0, 0], [0, 4, 4], 7.5),
        ([], [], [], None),
    ],
)
def test_the_ratio_with_the_fewest_errors(
    snr_db: list[float], off: list[int], on: list[int], below_db: float | None
) -> None:
    assert best_threshold(snr_db, off, on) == below_db


def test_it_is_never_worse_than_off() -> None:
    generator = random.Random(0)
    for _ in range(300):
        count = generator.randrange(1, 9)
        snr_db, off, on = (generator.choices(range(5), k=count) for _ in range(3))
        below_db = best_threshold(snr_db, off, on)
        auto = [b if below_db is not None and s < below_db else a for s, a, b in zip(snr_db, off, on, strict=True)]
        assert sum(auto) <= sum(off)
        best = min(
            sum(b if s < at else a for s, a, b in zip(snr_db, off, on, strict=True))
            for at in [-1, 0.5, 1.5, 2.5, 3.5, 9]
        )
        assert sum(auto) == best
