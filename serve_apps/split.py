"""[ray] The stages of a split application as they call each other: many requests to a call, and little in it.

A call between processes costs more than a millisecond of CPU, more than a small network does, and the bytes of sound
cost as much again. So what waits at the same time goes in one call (`edge.batching.Courier`), in one array, and sound
that came as 16 bits travels as 16 bits. The arrays at both ends are the same, bit by bit: so are the answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from serve_apps.stages import SLICE, Floats, Option, Told
from sonant.audio.samples import INT16_SCALE, to_float
from sonant.edge.batching import Courier
from sonant.errors import EnvError, SonantError

if TYPE_CHECKING:
    from ray.serve.handle import DeploymentHandle

MAX_ROWS = 4 * SLICE
"""Most windows in a call: those of many short recordings, or slices of long ones."""


class Heard(NamedTuple):
    """What the model made of one recording, on its way to an answer."""

    logits_WK: Floats
    duration_s: float
    option: Option


class RemoteModel:
    """The stage `Model` behind a handle."""

    def __init__(self, handle: DeploymentHandle[Any], max_batch: int) -> None:
        self._call = reached(handle)
        self._courier: Courier[Floats, Floats] = Courier(
            self._send, cost=len, key=lambda rows: rows.shape[1:], max_batch=max_batch, max_cost=MAX_ROWS
        )

    async def __call__(self, rows: Floats) -> Floats:
        """rows [W, ...] -> logits_WK."""
        parts = [await self._courier.submit(rows[start : start + SLICE]) for start in range(0, len(rows), SLICE)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    async def _send(self, items: Sequence[Floats]) -> list[Floats]:
        logits_WK = await self._call(pack(joined(items)))
        return parted(logits_WK, [len(rows) for rows in items])


class RemotePostprocess:
    """The stage `Postprocess` behind a handle."""

    def __init__(self, handle: DeploymentHandle[Any], max_batch: int) -> None:
        self._call = reached(handle)
        self._courier: Courier[Heard, Told | SonantError] = Courier(
            self._send, cost=lambda one: 1, key=lambda one: one.logits_WK.shape[1:], max_batch=max_batch
        )

    async def __call__(self, logits_WK: Floats, duration_s: float, option: Option = None) -> Told:
        told = await self._courier.submit(Heard(logits_WK, duration_s, option))
        if isinstance(told, SonantError):
            raise told
        return told

    async def _send(self, items: Sequence[Heard]) -> list[Told | SonantError]:
        counts = [len(one.logits_WK) for one in items]
        rest = [(one.duration_s, one.option) for one in items]
        return await self._call(joined([one.logits_WK for one in items]), counts, rest)


async def each(
    postprocess: Callable[[Floats, float, Option], Awaitable[Told]],
    logits_WK: Floats,
    counts: Sequence[int],
    rest: Sequence[tuple[float, Option]],
) -> list[Told | SonantError]:
    """The other end of RemotePostprocess: what one request did wrong is told to that one alone."""

    async def one(logits: Floats, duration_s: float, option: Option) -> Told | SonantError:
        try:
            return await postprocess(logits, duration_s, option)
        except SonantError as error:
            return error

    return [await one(logits, *other) for logits, other in zip(parted(logits_WK, counts), rest, strict=True)]


def joined(items: Sequence[Floats]) -> Floats:
    """One array of all rows."""
    return items[0] if len(items) == 1 else np.concatenate(items)


def parted(rows: Floats, counts: Sequence[int]) -> list[Floats]:
    """The other way round: `counts` are rows of each item."""
    return [rows] if len(counts) == 1 else np.split(rows, np.cumsum(counts)[:-1])


def pack(rows: Floats) -> NDArray[Any]:
    """The rows as int16 where nothing is lost by that, as in sound that came with 16 bits and at the model's rate."""
    scaled = rows * np.float32(INT16_SCALE)
    with np.errstate(invalid="ignore"):
        pcm = scaled.astype(np.int16)
    return pcm if np.array_equal(pcm, scaled) else rows


def unpack(rows: NDArray[Any]) -> Floats:
    """The rows that were packed."""
    return to_float(rows) if rows.dtype == np.int16 else rows


def reached(handle: DeploymentHandle[Any]) -> Callable[..., Awaitable[Any]]:
    """Calls a stage behind a handle. That it cannot be reached is the cluster's trouble, not the caller's."""
    from ray.exceptions import RayActorError
    from ray.serve.exceptions import RayServeException

    async def call(*args: Any) -> Any:
        try:
            return await handle.remote(*args)
        except (RayActorError, RayServeException) as error:
            raise EnvError("env.cluster", "a stage of the pipeline cannot be reached", hint="try again") from error

    return call
