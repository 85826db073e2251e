"""What makes a model live: explicit state in, explicit state out.

    init_state(rows) -> State                   State = dict[str, Tensor], dim 0 = stream row, names are module paths
    step(chunk_BN, state) -> (out, State)       pure: nothing is kept on self
    hop, latency                                samples that one step unit takes; samples of algorithmic delay
    offline(wav_BN) -> out                      the same outputs for a whole signal at once

A chunk is any positive multiple of `hop` samples. The same State is the ONNX step graph's inputs and outputs, the
server's batching unit and the session snapshot. Blocks inside a model follow the same two methods without hop and
latency; `advance` runs a block that may or may not have state, and `nest`/`child` name the state of parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

State = dict[str, Tensor]


class Starts(Protocol):
    """Anything that knows the state of streams that have heard nothing."""

    def init_state(self, rows: int) -> State: ...


@runtime_checkable
class Stateful(Starts, Protocol):
    """A block with memory along time."""

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]: ...


@runtime_checkable
class Streaming(Stateful, Protocol):
    """A whole model that can run live."""

    hop: int
    latency: int

    def offline(self, wav_BN: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class StateSpec:
    """One state tensor without its row dimension: enough to make, check, batch and store it."""

    name: str
    shape: tuple[int, ...]
    dtype: str


def state_specs(model: Starts) -> list[StateSpec]:
    """The state of one stream, in the order that graphs and snapshots use."""
    return [
        StateSpec(name, tuple(value.shape[1:]), str(value.dtype).removeprefix("torch."))
        for name, value in model.init_state(1).items()
    ]


def nest(name: str, state: State) -> State:
    """Puts a part's state under the part's name."""
    return {f"{name}.{key}": value for key, value in state.items()}


def child(name: str, state: State) -> State:
    """The state of one part, with the part's name taken off."""
    start = f"{name}."
    return {key.removeprefix(start): value for key, value in state.items() if key.startswith(start)}


def advance(module: nn.Module, x: Tensor, state: State) -> tuple[Tensor, State]:
    """Steps a block: one without memory is just called."""
    if isinstance(module, Stateful):
        return module.step(x, state)
    return module(x), {}


class Chain(nn.Sequential):
    """A sequence of blocks that streams when its parts do. A block may stand in it twice: named_children would tell of
    the first place only, and each place has a memory of its own."""

    def init_state(self, rows: int) -> State:
        state: State = {}
        for name, part in self._modules.items():
            if isinstance(part, Stateful):
                state |= nest(name, part.init_state(rows))
        return state

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        after: State = {}
        for name, part in self._modules.items():
            assert part is not None, "a place that was emptied"
            x, inner = advance(part, x, child(name, state))
            after |= nest(name, inner)
        return x, after


def scan(model: Any, wav_BN: Tensor, chunks: Iterable[int]) -> tuple[Tensor, State]:
    """Streams a signal through a model in chunks of the given sizes; outputs are joined along dim 1 (time)."""
    state = model.init_state(wav_BN.shape[0])
    outputs: list[Tensor] = []
    start = 0
    for size in chunks:
        out, state = model.step(wav_BN[:, start : start + size], state)
        outputs.append(out)
        start += size
    assert start == wav_BN.shape[-1], f"chunks cover {start} of {wav_BN.shape[-1]} samples"
    return torch.cat(outputs, dim=1), state


def stack_rows(states: Sequence[State]) -> State:
    """Joins the states of several streams into one batch."""
    return {name: torch.cat([state[name] for state in states]) for name in states[0]}


def take_rows(state: State, rows: Sequence[int]) -> State:
    """Picks some rows out of a batch of streams."""
    index = torch.as_tensor(rows, dtype=torch.long)
    return {name: value[index] for name, value in state.items()}


def reset_rows(model: Stateful, state: State, rows: Sequence[int]) -> State:
    """Starts some rows of a batch anew and leaves the others as they are."""
    fresh = model.init_state(len(rows))
    index = torch.as_tensor(rows, dtype=torch.long)
    return {name: value.index_copy(0, index.to(value.device), fresh[name]) for name, value in state.items()}
