"""What all networks share that take noise out of speech; and the live form of that.

Sound in, sound out: as long as what went in, aligned with it, at its level. Whole files and streams go through the same
weights. Shapes: B recordings or streams, N samples.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from models.base import NetworkConfig
from models.streaming import State


class EnhancerConfig(NetworkConfig):
    """The part of an enhancement network's config that does not depend on its layers."""

    sample_rate_hz: Annotated[int, Field(ge=4000, le=48_000)] = 16_000
    """Rate of what goes in and comes out in Hz."""

    def samples(self, ms: float) -> int:
        """A time in samples."""
        return round(ms * self.sample_rate_hz / 1000)


class Enhancer(nn.Module):
    """Noisy speech in, the speech in it out."""

    sample_rate_hz: int
    grain: int = 1
    """Samples that a graph of whole recordings takes a multiple of: silence fills up what is missing."""

    def forward(self, wav_BN: Tensor) -> Tensor:
        """The speech [B, N] in whole recordings of any length from one sample on, aligned with them."""
        raise NotImplementedError


class LiveEnhancer(Enhancer):
    """An enhancement network that streams (models.streaming.Streaming)."""

    hop: int
    latency: int
    """Samples that the output stands behind the input; a sample waits at most `hop + latency` samples."""
    one_hop: bool = False
    """Whether a step is a loop over the hops of its chunk: a graph cannot hold one, and takes one hop at a time."""
    tail: str | None = None
    """State that holds the last `latency` samples of a stream of two hops or more, if it ends here; None: silence has
    to be stepped behind it."""

    def init_state(self, rows: int) -> State:
        raise NotImplementedError

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The next n * hop samples [B, n * hop] of each stream give as many."""
        raise NotImplementedError

    def offline(self, wav_BN: Tensor) -> Tensor:
        """What a stream would give for a whole number of hops, at once: `latency` samples late."""
        raise NotImplementedError

    def flush(self, state: State) -> Tensor:
        """The last `latency` samples [B, latency] of streams that end here."""
        rows, like = next((len(value), value) for value in state.values())
        if self.latency == 0:
            return torch.zeros(rows, 0, device=like.device)
        hops = -(-self.latency // self.hop)
        silence_BN = torch.zeros(rows, hops * self.hop, device=like.device)
        return self.step(silence_BN, state)[0][:, : self.latency]
