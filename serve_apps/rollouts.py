"""How candidates do: `/v1/rollouts` of the home application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from fastapi import FastAPI
from pydantic import BaseModel, JsonValue

from sonant.config.rollout import Rule
from sonant.edge.compare import report

_EXAMPLE: dict[str, JsonValue] = {
    "application": "words",
    "route": "/v1/audio/classifications",
    "model": "words/20261101T101500Z-0a1b",
    "canary": {"model": "words/20261120T164500Z-77e3", "share": 0.05},
    "shadow": None,
}


class Tried(BaseModel):
    """Another bundle of the same application, on trial."""

    model: str
    share: float

    model_config = {"use_attribute_docstrings": True}


class Spread(BaseModel):
    """Of one measure, over all replicas since they began."""

    count: int
    mean: float
    p5: float
    p50: float
    p95: float


class Heard(Tried):
    """A candidate that hears what the application answers."""

    compared: int
    """Answers of both."""
    failed: int
    """Where it had none, and the application had."""
    dropped: int
    """What found no room in its queue."""
    skipped: int
    """What cannot be compared."""
    measures: dict[str, Spread]
    """By name; docs/serving.md says what they mean."""
    ready: bool
    """Whether the rule for promotion holds."""
    lacks: list[str]
    """What of it does not, in words."""


class Rollout(BaseModel):
    """An application with candidates."""

    application: str
    route: str
    model: str
    canary: Tried | None
    shadow: Heard | None

    model_config = {"use_attribute_docstrings": True, "json_schema_extra": {"example": _EXAMPLE}}


class Rollouts(BaseModel):
    """All candidates on trial."""

    rollouts: list[Rollout]

    model_config = {"json_schema_extra": {"example": {"rollouts": [_EXAMPLE]}}}


class Compares(Protocol):
    """Where replicas are asked."""

    async def rollouts(self, name: str) -> list[dict[str, Any]]:
        """`Ingress.rollout` of all replicas of an application."""
        ...


def add_rollouts(api: FastAPI, served: Callable[[], Awaitable[list[dict[str, Any]]]], directory: Compares) -> None:
    """The route that tells how candidates do."""

    @api.get("/v1/rollouts", summary="Candidates on trial, and how they compare", tags=["home"])
    async def rollouts() -> Rollouts:
        """Applications that have a canary or a shadow."""
        found = [one for one in await served() if one.get("canary") or one.get("shadow")]
        return Rollouts(rollouts=[await told(one) for one in found])

    async def told(one: dict[str, Any]) -> Rollout:
        shadow = one.get("shadow")
        if shadow is not None:
            wires = await directory.rollouts(one["application"])
            wires = [wire for wire in wires if wire["candidate"] == shadow["model"]]
            rule = Rule.model_validate(wires[0]["rule"]) if wires else Rule()
            shadow = {**shadow, **report(wires, rule)}
        place = {name: one[name] for name in ("application", "route", "model")}
        return Rollout.model_validate({**place, "canary": one.get("canary"), "shadow": shadow})
