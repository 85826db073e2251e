"""Rows of sweep.json: a trial of the search, and its config trained again with another seed."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from models.base import Section


class Trial(Section):
    """One trial of a sweep, as sweep.json tells it."""

    number: int
    """From 0, in the order of the draws."""
    state: Literal["running", "done", "stopped", "rejected", "failed"]
    """stopped: cut short by the scheduler; rejected: over a cost, never trained."""
    point: dict[str, Any]
    """Chosen values by dotted key."""
    costs: dict[str, float] = Field(default_factory=dict[str, float])
    """params, macs_per_s and, where it is limited or shown, latency_ms."""
    metrics: dict[str, float] = Field(default_factory=dict[str, float])
    """Validation metrics of the best epoch so far."""
    epochs: int = 0
    """Epochs trained."""
    seconds: float = 0.0
    """Time spent on them."""
    note: str = ""
    """Why it was rejected or failed."""

    @property
    def values(self) -> dict[str, float]:
        return {**self.costs, **self.metrics}


class Repeat(Section):
    """A trial's config trained again from scratch, with another seed."""

    trial: int
    """Whose config it is."""
    seed: int
    """Its seed."""
    state: Literal["running", "done", "failed"] = "running"
    """running: begun, or about to be."""
    metrics: dict[str, float] = Field(default_factory=dict[str, float])
    """Validation metrics of the best epoch so far."""
    epochs: int = 0
    """Epochs trained."""
    seconds: float = 0.0
    """Time spent on them."""
    note: str = ""
    """Why it failed."""

    @property
    def key(self) -> Key:
        return self.trial, self.seed


Key = tuple[int, int]
"""Trial and seed of a repeat."""
Row = Trial | Repeat
