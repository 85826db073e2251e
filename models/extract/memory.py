"""What one chunk tells the next: every memory mechanism of the research system behind one interface.

A mechanism says how many channels it adds (`joined` to a stack's input, `widened` in all blocks), what goes into a
stack (`enter`, `nudge`), and what is kept (`update`). All it keeps is in the State that it is given and gives back,
one row a stream, of shapes that `init_state` tells; nothing is left on the module.

Shapes: B chunks, C channels, F frames of a chunk, M numbers or channels that are kept, S stacks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from models.base import Section
from models.extract.tcn import Block, BlockShape
from models.streaming import State

Size = Annotated[int, Field(ge=1, le=4096)]


class NoMemory(Section):
    """Every chunk is on its own."""

    kind: Literal["none"] = "none"


class RnnMemory(Section):
    """One vector, added in front of every block of the last stack, and a gate that renews it."""

    kind: Literal["rnn"] = "rnn"


class GruMemory(Section):
    """A feature map, joined to the input of the last stack and renewed by a gate at every frame of the chunk."""

    kind: Literal["gru"] = "gru"
    version: Annotated[int, Field(ge=0, le=3)] = 0
    """0: the map alone. 1: also the last chunk's input of every stack, joined to this chunk's. 2: of the first stack
    only. 3: the last chunk's inputs as gates, one a channel."""
    size: Size = 128
    """Channels of the map."""


class CacheMemory(Section):
    """Some channels of the last chunk's input of every stack, joined to this chunk's."""

    kind: Literal["cache"] = "cache"
    size: Size = 128
    """Channels that are kept, not more than there are."""


class SpecialChannelsMemory(Section):
    """Channels beside the signal through all blocks; how they come out is how they go in at the next chunk."""

    kind: Literal["special_channels"] = "special_channels"
    size: Size = 64
    """Further channels of all blocks."""


MemoryConfig = Annotated[
    NoMemory | RnnMemory | GruMemory | CacheMemory | SpecialChannelsMemory, Field(discriminator="kind")
]


@dataclass(frozen=True)
class Place:
    """Where a memory stands: the sizes of the network around it."""

    channels: int
    frames: int
    """Frames of a chunk."""
    stacks: int
    blocks: int
    shape: BlockShape
    shift: int = 0
    """Frames by which a chunk begins later than the one before it, where kept frames are to be put beside those of
    the same time; 0: beside those of the same place in the chunk."""


class Memory(nn.Module):
    """No memory; what all mechanisms are made from."""

    widened = 0

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.last = place.stacks - 1

    def joined(self, stack: int) -> int:
        """Channels that `enter` adds to a stack's input."""
        return 0

    def init_state(self, rows: int, like: Tensor) -> State:
        return {}

    def enter(self, stack: int, x_BCF: Tensor, state: State) -> Tensor:
        """What goes into a stack instead of its input."""
        return x_BCF

    def nudge(self, stack: int, state: State) -> Tensor | None:
        """What is added in front of each block of a stack, [B, C, 1]."""
        return None

    def update(self, inputs: list[Tensor], blocks: list[Tensor], state: State) -> State:
        """The state for the next chunk, from the inputs of all stacks and the outputs of the last stack's blocks."""
        return state

    def _beside(self, kept_BMF: Tensor) -> Tensor:
        """Kept frames, moved by the shift; those that the last chunk had not yet heard are its last."""
        if not self.place.shift:
            return kept_BMF
        newest_BMF = kept_BMF[..., -1:].expand(-1, -1, self.place.shift)
        return torch.cat([kept_BMF[..., self.place.shift :], newest_BMF], -1)


class Rnn(Memory):
    """m' = s g + (1 - s) m, where g is the mean output of the last stack, and s a gate from its inner blocks.

    The blocks follow one another, as was meant; in the research code the inner ones stood side by side, so that most
    of them touched the output through the gate alone.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.gate = nn.Conv1d((place.blocks - 2) * place.channels, place.channels, 1)

    def init_state(self, rows: int, like: Tensor) -> State:
        return {"memory": like.new_zeros(rows, self.place.channels)}

    def nudge(self, stack: int, state: State) -> Tensor | None:
        return state["memory"][..., None] if stack == self.last else None

    def update(self, inputs: list[Tensor], blocks: list[Tensor], state: State) -> State:
        gate_BC = torch.sigmoid(self.gate(torch.cat(blocks[1:-1], 1)).mean(-1))
        return {"memory": gate_BC * blocks[-1].mean(-1) + (1 - gate_BC) * state["memory"]}


class Gru(Memory):
    """m' = (1 - z) n + z m at every frame, with gate z and candidate n from the output of the last stack."""

    def __init__(self, place: Place, size: int) -> None:
        super().__init__(place)
        self.size = size
        self.gate = nn.Conv1d(place.channels, size, 1)
        self.candidate = Block(place.channels, size, 1, place.shape)

    def joined(self, stack: int) -> int:
        return self.size if stack == self.last else 0

    def init_state(self, rows: int, like: Tensor) -> State:
        return {"memory": like.new_zeros(rows, self.size, self.place.frames)}

    def enter(self, stack: int, x_BCF: Tensor, state: State) -> Tensor:
        return torch.cat([x_BCF, self._beside(state["memory"])], 1) if stack == self.last else x_BCF

    def update(self, inputs: list[Tensor], blocks: list[Tensor], state: State) -> State:
        gate_BMF = torch.sigmoid(self.gate(blocks[-1]))
        return {"memory": (1 - gate_BMF) * self.candidate(blocks[-1]) + gate_BMF * self._beside(state["memory"])}


class GruWithInputs(Gru):
    """Versions 1 and 2: the last chunk's input of some stacks is joined to this chunk's. No gradient goes back
    through what is joined, only through the map."""

    def __init__(self, place: Place, size: int, cached: range) -> None:
        super().__init__(place, size)
        self.cached = cached

    def joined(self, stack: int) -> int:
        return super().joined(stack) + (self.place.channels if stack in self.cached else 0)

    def init_state(self, rows: int, like: Tensor) -> State:
        shape = (rows, self.place.channels, self.place.frames)
        return super().init_state(rows, like) | {_cache(stack): like.new_zeros(shape) for stack in self.cached}

    def enter(self, stack: int, x_BCF: Tensor, state: State) -> Tensor:
        x_BCF = super().enter(stack, x_BCF, state)
        return torch.cat([x_BCF, self._beside(state[_cache(stack)])], 1) if stack in self.cached else x_BCF

    def update(self, inputs: list[Tensor], blocks: list[Tensor], state: State) -> State:
        kept = {_cache(stack): inputs[stack].detach() for stack in self.cached}
        return super().update(inputs, blocks, state) | kept


class GruWithGates(Gru):
    """Version 3: each channel of a stack's input times a gate, which sees that channel of the last chunk's input."""

    def __init__(self, place: Place, size: int) -> None:
        super().__init__(place, size)
        self.gates = nn.ModuleList(nn.Linear(place.frames, 1) for _ in range(place.stacks))

    def init_state(self, rows: int, like: Tensor) -> State:
        shape = (rows, self.place.channels, self.place.frames)
        caches = {_cache(stack): like.new_ones(shape) for stack in range(self.place.stacks)}
        return super().init_state(rows, like) | caches

    def enter(self, stack: int, x_BCF: Tensor, state: State) -> Tensor:
        return super().enter(stack, x_BCF * torch.sigmoid(self.gates[stack](state[_cache(stack)])), state)

    def update(self, inputs: list[Tensor], blocks: list[Tensor], state: State) -> State:
        kept = {_cache(stack): x_BCF.detach() for stack, x_BCF in enumerate(inputs)}
        return super().update(inputs, blocks, state) | kept


class Cache(Memory):
    """The first channels of the last chunk's input of every stack; no gradient goes back through them."""

    def __init__(self, place: Place, size: int) -> None:
        super().__init__(place)
        self.size = size

    def joined(self, stack: int) -> int:
        return self.size

    def init_state(self, rows: int, like: Tensor) -> State:
        shape = (rows, self.size, self.place.frames)
        return {_cache(stack): like.new_zeros(shape) for stack in range(self.place.stacks)}

    def enter(self, stack: int, x_BCF: Tensor, state: State) -> Tensor:
        return torch.cat([x_BCF, self._beside(state[_cache(stack)])], 1)

    def update(self, inputs: list[Tensor], blocks: list[Tensor], state: State) -> State:
        return {_cache(stack): x_BCF[:, : self.size].detach() for stack, x_BCF in enumerate(inputs)}


class SpecialChannels(Memory):
    """The last channels of the last stack's output, put beside the signal before the first stack."""

    def __init__(self, place: Place, size: int) -> None:
        super().__init__(place)
        self.widened = size

    def init_state(self, rows: int, like: Tensor) -> State:
        return {"memory": like.new_zeros(rows, self.widened, self.place.frames)}

    def enter(self, stack: int, x_BCF: Tensor, state: State) -> Tensor:
        return x_BCF if stack else torch.cat([x_BCF, self._beside(state["memory"])], 1)

    def update(self, inputs: list[Tensor], blocks: list[Tensor], state: State) -> State:
        return {"memory": blocks[-1][:, -self.widened :]}


def _cache(stack: int) -> str:
    return f"cache.{stack}"


def create(config: MemoryConfig, place: Place) -> Memory:
    """The mechanism that a config describes."""
    match config:
        case NoMemory():
            return Memory(place)
        case RnnMemory():
            return Rnn(place)
        case GruMemory(version=3):
            return GruWithGates(place, config.size)
        case GruMemory(version=0):
            return Gru(place, config.size)
        case GruMemory():
            return GruWithInputs(place, config.size, range(place.stacks if config.version == 1 else 1))
        case CacheMemory():
            return Cache(place, config.size)
        case SpecialChannelsMemory():
            return SpecialChannels(place, config.size)
