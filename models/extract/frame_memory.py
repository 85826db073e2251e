"""Memories that are updated at every frame, for networks that stream without chunks: [B, T, C] -> [B, T, C].

Each is a residual in front of the last stack, so `none` is the same network without it, except `special_channels`,
which are fed back around all stacks (see models.extract.causal). They are what the chunk memories of
models.extract.memory become when a chunk is one frame: the vector of `rnn`, the feature map and gates of `gru`, the
past input of `cache`, and the channels of `special_channels`, the last two from a chosen time ago.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan
from torch.nn import functional as F

from models.base import Section
from models.blocks.causal import FromStep
from models.blocks.recurrent import run_gru
from models.extract.memory import NoMemory
from models.streaming import State

Size = Annotated[int, Field(ge=1, le=4096)]
Delay = Annotated[float, Field(gt=0, le=10_000)]


class VectorGruMemory(Section):
    """A gated recurrent unit: every number of the memory sees all others, frame after frame."""

    kind: Literal["vector_gru"] = "vector_gru"
    size: Size = 112
    """Numbers that are kept."""


class ChannelGruMemory(Section):
    """A gate and a candidate for each number, both from the frame alone, so that training is parallel in time."""

    kind: Literal["channel_gru"] = "channel_gru"
    size: Size = 128
    """Numbers that are kept."""


class GatedCacheMemory(Section):
    """What was there some time ago, let in by a gate."""

    kind: Literal["gated_cache"] = "gated_cache"
    size: Size = 64
    """Numbers that are kept of a frame."""
    delay_ms: Delay = 300.0
    """How long ago, in ms; the state grows with it."""


class FedBackChannelsMemory(Section):
    """Channels beside the signal through all blocks, fed back to the start some time later."""

    kind: Literal["special_channels"] = "special_channels"
    size: Size = 8
    """Further channels of all blocks."""
    delay_ms: Delay = 150.0
    """How much later, in ms; training goes through the signal in steps of this length."""


FrameMemoryConfig = Annotated[
    NoMemory | VectorGruMemory | ChannelGruMemory | GatedCacheMemory | FedBackChannelsMemory,
    Field(discriminator="kind"),
]


class VectorGru(FromStep):
    """Cho et al. 2014, arXiv:1406.1078, between a norm and a linear layer."""

    def __init__(self, channels: int, config: VectorGruMemory) -> None:
        super().__init__()
        self.size = config.size
        self.norm, self.gru = nn.LayerNorm(channels), nn.GRU(channels, config.size, batch_first=True)
        self.output = nn.Linear(config.size, channels)

    def init_state(self, rows: int) -> State:
        return {"memory": self.output.weight.new_zeros(rows, self.size)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y_BTM, memory_1BM = run_gru(self.gru, self.norm(x), state["memory"][None])
        return x + self.output(y_BTM), {"memory": memory_1BM[0]}


class ChannelGru(FromStep):
    """m_t = z_t m_(t-1) + (1 - z_t) n_t with gate and candidate from the frame: Feng et al. 2024, arXiv:2410.01201."""

    def __init__(self, channels: int, config: ChannelGruMemory) -> None:
        super().__init__()
        self.norm, self.gates = nn.LayerNorm(channels), nn.Linear(channels, 2 * config.size)
        self.output = nn.Linear(config.size, channels)
        self.size = config.size
        with torch.no_grad():
            # Keeps from a few frames to some hundreds, from the first step of training on.
            self.gates.bias[: self.size].copy_(torch.linspace(1.0, 6.0, self.size))

    def init_state(self, rows: int) -> State:
        return {"memory": self.output.weight.new_zeros(rows, self.size)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        keep_BTM, candidate_BTM = self.gates(self.norm(x)).chunk(2, -1)
        memory_BTM = gated_scan(F.logsigmoid(keep_BTM), torch.sigmoid(-keep_BTM) * candidate_BTM, state["memory"])
        return x + self.output(memory_BTM), {"memory": memory_BTM[:, -1]}


def gated_scan(log_keep_BTM: Tensor, add_BTM: Tensor, start_BM: Tensor) -> Tensor:
    """m_t = keep_t m_(t-1) + add_t from a given m_(-1), for all frames at once.

    In torch by doubling: after round r a value holds the last 2^r terms. A graph cannot double a number of times that
    it does not know yet; an exported one has the ONNX operator for loops, which is exact and takes time and memory in
    proportion to the frames.
    """
    if torch.compiler.is_exporting():
        return _scan_graph(log_keep_BTM.exp(), add_BTM, start_BM)
    keep_BTM = log_keep_BTM.exp()
    memory_BTM = torch.cat([add_BTM[:, :1] + keep_BTM[:, :1] * start_BM[:, None], add_BTM[:, 1:]], 1)
    offset = 1
    while offset < add_BTM.shape[1]:
        memory_BTM = memory_BTM + keep_BTM * F.pad(memory_BTM[:, :-offset], (0, 0, offset, 0))
        keep_BTM = keep_BTM * F.pad(keep_BTM[:, :-offset], (0, 0, offset, 0))
        offset *= 2
    return memory_BTM


def _scan_graph(keep_BTM: Tensor, add_BTM: Tensor, start_BM: Tensor) -> Tensor:
    def frame(memory_BM: Tensor, gates: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        keep_BM, add_BM = gates
        memory_BM = keep_BM * memory_BM + add_BM
        return memory_BM, memory_BM.clone()

    _, memory_TBM = scan(frame, start_BM, (keep_BTM.transpose(0, 1), add_BTM.transpose(0, 1)))
    return memory_TBM.transpose(0, 1)


class GatedCache(FromStep):
    """x_t + W (sigmoid(G [x_t; c]) c), where c is a part of the frame `delay` frames ago."""

    def __init__(self, channels: int, config: GatedCacheMemory, delay: int) -> None:
        super().__init__()
        self.norm, self.keep = nn.LayerNorm(channels), nn.Linear(channels, config.size)
        self.gate = nn.Linear(channels + config.size, config.size)
        self.output = nn.Linear(config.size, channels)
        self.size, self.delay = config.size, delay

    def init_state(self, rows: int) -> State:
        return {"memory": self.output.weight.new_zeros(rows, self.delay, self.size)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        normed_BTC = self.norm(x)
        joined_BTM = torch.cat([state["memory"], self.keep(normed_BTC)], 1)
        past_BTM = joined_BTM[:, : x.shape[1]]
        gate_BTM = torch.sigmoid(self.gate(torch.cat([normed_BTC, past_BTM], -1)))
        return x + self.output(gate_BTM * past_BTM), {"memory": joined_BTM[:, x.shape[1] :]}


def create(config: FrameMemoryConfig, channels: int, frames_per_ms: float) -> FromStep | None:
    """The memory in front of the last stack; None where there is nothing to do there."""
    match config:
        case VectorGruMemory():
            return VectorGru(channels, config)
        case ChannelGruMemory():
            return ChannelGru(channels, config)
        case GatedCacheMemory():
            return GatedCache(channels, config, max(1, round(config.delay_ms * frames_per_ms)))
        case NoMemory() | FedBackChannelsMemory():
            return None
