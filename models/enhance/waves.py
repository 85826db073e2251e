"""Networks that make waves out of waves, at the level that they are given: a body between dividing and multiplying.

A body is a chain of blocks that is stepped hop by hop, [B, N] -> [B, N], and gives what it hears `latency` samples
late. A live network divides by the level of the past, the same live and for whole recordings, and multiplies each
sample that comes out with what it was divided by; one that needs whole recordings divides by that of the recording.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

from models.blocks.delay import Delay
from models.blocks.level import RunningLevel
from models.enhance.base import Enhancer, LiveEnhancer
from models.streaming import Chain, State, child, nest

FLOOR = 1e-3
"""Added to a level, so that what is below -60 dB of full scale is not taken for speech."""


class Body(NamedTuple):
    """A chain of blocks, and its times in samples."""

    chain: Chain
    hop: int
    latency: int

    def padded(self, wav_BN: Tensor) -> Tensor:
        """Whole hops, and silence behind them until the last sample has come out."""
        # Cut from more than enough: a graph of any length cannot tell how much it is that is missing.
        hops = (wav_BN.shape[1] + self.latency + self.hop - 1) // self.hop
        return F.pad(wav_BN, (0, self.latency + self.hop - 1))[:, : hops * self.hop]

    def aligned(self, late_BN: Tensor, samples: int) -> Tensor:
        return late_BN[:, self.latency : self.latency + samples]


class ClipWaves(Enhancer):
    """A body that hears whole recordings."""

    def __init__(self, body: Body, sample_rate_hz: int) -> None:
        super().__init__()
        self.sample_rate_hz = sample_rate_hz
        self.chain, self.body = body.chain, body

    def forward(self, wav_BN: Tensor) -> Tensor:
        level_B1 = clip_level(wav_BN)
        x = self.body.padded(wav_BN / (level_B1 + FLOOR))
        y_BN, _ = self.chain.step(x, self.chain.init_state(x.shape[0]))
        return level_B1 * self.body.aligned(y_BN, wav_BN.shape[1])


class LiveWaves(LiveEnhancer):
    """A body that only looks back."""

    def __init__(self, body: Body, sample_rate_hz: int, level_ms: float) -> None:
        super().__init__()
        self.sample_rate_hz, self.hop, self.latency = sample_rate_hz, body.hop, body.latency
        self.chain, self.body = body.chain, body
        self.level = RunningLevel(body.hop, level_ms * sample_rate_hz / 1000 / body.hop)
        self.delay = Delay(body.latency, 1)

    def forward(self, wav_BN: Tensor) -> Tensor:
        return self.body.aligned(self.offline(self.body.padded(wav_BN)), wav_BN.shape[1])

    def offline(self, wav_BN: Tensor) -> Tensor:
        return self.step(wav_BN, self.init_state(wav_BN.shape[0]))[0]

    def init_state(self, rows: int) -> State:
        own = nest("level", self.level.init_state(rows)) | nest("delay", self.delay.init_state(rows))
        return own | nest("chain", self.chain.init_state(rows))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        level_BN1, level = self.level.step(x[..., None], child("level", state))
        y_BN, chain = self.chain.step(x / (level_BN1[..., 0] + FLOOR), child("chain", state))
        late_BN1, delay = self.delay.step(level_BN1, child("delay", state))
        return late_BN1[..., 0] * y_BN, nest("level", level) | nest("delay", delay) | nest("chain", chain)


def clip_level(wav_BN: Tensor) -> Tensor:
    """Root mean square of whole recordings [B, 1]."""
    return wav_BN.square().mean(1, keepdim=True).sqrt()
