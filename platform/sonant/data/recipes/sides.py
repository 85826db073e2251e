"""The sides of a split, and the numbers that stand for them in seeds."""

from __future__ import annotations

from typing import Literal

Side = Literal["train", "validation", "test"]
SIDES: dict[Side, int] = {"train": 0, "validation": 1, "test": 2}
