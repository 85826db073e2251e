"""A small causal denoiser: bands of the spectrum, mixed across frequency and remembered along time, give a mask.

Groups of neighbouring bands are embedded as tokens by shared weights. Each block mixes the tokens of a frame
(Tolstikhin et al. 2021, arXiv:2105.01601) and then runs one recurrent layer along time that all tokens share, as in
dual-path networks (Luo et al. 2020, arXiv:1910.06379) over split bands (Luo and Yu 2023, arXiv:2209.15174). Low bins
are filtered with a few complex taps over past frames (Mack and Habets 2020, arXiv:1904.08369); above, each band has a
gain. A new network hands its input through. All tokens of all streams are one batch of one operator: what is costly
is few and large matrix products.

Shapes: B streams, N samples, T frames, G bins, L low bins, F bands, K tokens, C channels, P taps.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks.norm import RunningMean
from models.blocks.recurrent import run_gru
from models.enhance import bands
from models.enhance.base import EnhancerConfig, LiveEnhancer
from models.enhance.spare import Spare
from models.extract.base import pad_to
from models.extract.basis import FourierBasis
from models.streaming import State, child, nest

POWER = 0.3
"""Magnitudes are compressed to this power, so that weak harmonics count."""
_FLOOR = 1e-4
"""Power in relation to the level that a bin does not seem to fall below: the rounding of loud bins is not looked at."""
_SILENCE = 1e-12
"""Mean power of bins under which a frame is silence: far below the least bit of 16."""


class DualPathConfig(EnhancerConfig):
    """A denoiser of some ten thousand weights that runs many times faster than speech on one core."""

    kind: Literal["dual_path"] = "dual_path"
    latency_ms: Annotated[float, Field(ge=4, le=64)] = 20.0
    """How long a sample waits at most, without the time to compute, in ms: the length of a frame. Frames are half of
    it apart."""
    bands: Annotated[int, Field(ge=4, le=512)] = 64
    """Bands of a frame: single bins up to low_hz, wider ones above."""
    low_hz: Annotated[float, Field(ge=50, le=24_000)] = 2000.0
    """Up to here in Hz every bin is a band of its own and is filtered with its phase; above, bands have gains."""
    group: Annotated[int, Field(ge=1, le=64)] = 4
    """Neighbouring bands that are one token; the embedding sees as many again around them."""
    channels: Annotated[int, Field(ge=4, le=512)] = 48
    """Width of a token."""
    hidden: Annotated[int, Field(ge=4, le=512)] = 48
    """Numbers that a token's recurrent layer remembers."""
    mix: Annotated[int, Field(ge=1, le=1024)] = 48
    """Width of the mixing across the tokens of a frame."""
    blocks: Annotated[int, Field(ge=1, le=8)] = 2
    """Times that tokens are mixed and then remembered."""
    taps: Annotated[int, Field(ge=1, le=8)] = 3
    """Frames, this one and past ones, that a low bin is made of."""
    level_s: Annotated[float, Field(gt=0, le=60)] = 3.0
    """Time constant in s of the running level that the network sees loudness in relation to."""
    spare_db: tuple[float, float] | None = (15.0, 22.0)
    """Speech that is so much louder (dB) than what would be taken away is left alone: from the second figure on all of
    it, below the first nothing, and a share in between. Null: everything is taken away, from clean speech too, as it
    is in training."""
    spare_s: Annotated[float, Field(gt=0, le=60)] = 3.0
    """Time constant in s of that ratio."""

    @property
    def window(self) -> int:
        """Samples of a frame."""
        return self.samples(self.latency_ms)

    @property
    def bin_hz(self) -> float:
        """Distance of bins."""
        return self.sample_rate_hz / self.window

    @property
    def low(self) -> int:
        """Bins that are bands of their own."""
        return round(self.low_hz / self.bin_hz)

    @model_validator(mode="after")
    def _spare_rises(self) -> Self:
        if self.spare_db is not None and self.spare_db[0] >= self.spare_db[1]:
            raise ValueError(f"spare_db={list(self.spare_db)}: the second ratio must be the higher one")
        return self

    @model_validator(mode="after")
    def _bands_fit(self) -> Self:
        if self.window % 2:
            raise ValueError(f"latency_ms={self.latency_ms:g} is {self.window} samples: frames need an even number")
        bins = self.window // 2 + 1
        if not 0 < self.low <= self.bands - 2 or self.bands > bins:
            raise ValueError(
                f"bands={self.bands} must be at least 2 more than the {self.low} bins below low_hz, "
                f"and at most the {bins} bins there are"
            )
        if self.bands % self.group:
            raise ValueError(f"bands={self.bands} is no multiple of group={self.group}")
        return self


class Block(nn.Module):
    """Mixes the tokens of each frame, and then lets each remember: [T, K, B, C] -> [T, K, B, C].

    Streams stand behind tokens: all of them are mixed by one product a frame, without moving anything.
    """

    def __init__(self, tokens: int, channels: int, mix: int, hidden: int) -> None:
        super().__init__()
        self.tokens, self.hidden = tokens, hidden
        self.mix_norm = nn.LayerNorm(channels)
        self.mix_in, self.mix_out = nn.Linear(tokens, mix), nn.Linear(mix, tokens)
        self.time_norm = nn.LayerNorm(channels)
        self.gru = nn.GRU(channels, hidden, batch_first=True)
        self.output = nn.Linear(hidden, channels)

    def init_state(self, rows: int) -> State:
        return {"memory": self.output.weight.new_zeros(rows, self.tokens, self.hidden)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        channels = x.shape[-1]
        wide_TMR = torch.relu(_mixed(self.mix_in, self.mix_norm(x).flatten(2)))
        x = x + _mixed(self.mix_out, wide_TMR).unflatten(2, (-1, channels))
        token_RTC = self.time_norm(x).flatten(1, 2).transpose(0, 1)
        y_RTH, memory_1RH = run_gru(self.gru, token_RTC, state["memory"].transpose(0, 1).flatten(0, 1)[None])
        x = x + self.output(y_RTH.transpose(0, 1)).unflatten(1, (self.tokens, -1))
        return x, {"memory": memory_1RH[0].unflatten(0, (self.tokens, -1)).transpose(0, 1)}


def _mixed(linear: nn.Linear, x_TKR: Tensor) -> Tensor:
    """A linear layer along the axis before the last, [T, M, R]."""
    weight_MK, bias_M1 = linear.weight, linear.bias[:, None]
    if torch.compiler.is_exporting():
        return weight_MK @ x_TKR + bias_M1
    # Without the copies that matmul makes to fold its left side; this is half of what mixing costs in training.
    weight_TMK = weight_MK.expand(x_TKR.shape[0], -1, -1)
    return torch.baddbmm(bias_M1.expand(x_TKR.shape[0], -1, x_TKR.shape[2]), weight_TMK, x_TKR)


class Bands(nn.Module):
    """Features of the tokens of each frame, in relation to a running level: [B, T, 2, G] -> [T, B, K, features]."""

    merge: Tensor

    def __init__(self, config: DualPathConfig, spread_FG: Tensor) -> None:
        super().__init__()
        around = config.group // 2
        self.tokens, self.seen = config.bands // config.group, config.group + 2 * around
        self.size = 3 * self.seen
        # The windows of tokens overlap: a band stands in this matrix as often as tokens see it.
        merge_GF = F.pad(bands.merge(spread_FG), (around, around))
        self.register_buffer("merge", merge_GF.unfold(1, self.seen, config.group).flatten(1), persistent=False)
        self.level = RunningMean(1, 1000 * config.level_s / (config.latency_ms / 2))

    def init_state(self, rows: int) -> State:
        return nest("level", self.level.init_state(rows))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        power_BT1G = x.square().sum(2, keepdim=True)
        level_B1T, after = self.level.step(power_BT1G.mean(-1).transpose(1, 2), child("level", state))
        # Not a sum: the exporter takes what is so small for nothing, and graphs would divide by zero.
        scale_BT11 = torch.rsqrt(level_B1T.clamp_min(_SILENCE)).transpose(1, 2)[..., None]
        power_BT1G = power_BT1G * scale_BT11.square() + _FLOOR
        shrunk_BT2G = x * (scale_BT11 * power_BT1G ** ((POWER - 1) / 2))
        feature_BT3G = torch.cat([power_BT1G ** (POWER / 2), shrunk_BT2G], 2)
        token_BT3KS = (feature_BT3G @ self.merge).unflatten(-1, (self.tokens, self.seen))
        return token_BT3KS.permute(1, 3, 0, 2, 4).flatten(3), nest("level", after)


class Filter(nn.Module):
    """Applies what the network says of each band to the bins: [B, T, 2, G] by [B, T, 2 P, F] -> [B, T, 2, G]."""

    spread: Tensor
    identity: Tensor

    def __init__(self, config: DualPathConfig, spread_FG: Tensor) -> None:
        super().__init__()
        self.low, self.taps = config.low, config.taps
        self.register_buffer("spread", spread_FG[self.low :, self.low :].contiguous(), persistent=False)
        # The real part of the newest tap is 1 + tanh: 1 in the middle, 0 at one end.
        self.register_buffer("identity", torch.eye(2 * self.taps)[0, :, None], persistent=False)

    def init_state(self, rows: int) -> State:
        return {"past": self.spread.new_zeros(rows, self.taps - 1, 2, self.low)} if self.taps > 1 else {}

    def step(self, x: Tensor, raw_BTQF: Tensor, state: State) -> tuple[Tensor, State]:
        mask_BTQF = torch.tanh(raw_BTQF) + self.identity
        low_BT2L, high_BT2U = x.split([self.low, x.shape[-1] - self.low], -1)
        high_BT2U = high_BT2U * (mask_BTQF[:, :, :1, self.low :] @ self.spread)
        joined_BT2L = torch.cat([state["past"], low_BT2L], 1) if self.taps > 1 else low_BT2L
        frames = x.shape[1]
        # Newest first.
        heard_BTP2L = torch.stack([joined_BT2L[:, start : start + frames] for start in range(self.taps - 1, -1, -1)], 2)
        mask_real_BTPL, mask_imag_BTPL = mask_BTQF[..., : self.low].chunk(2, 2)
        real_BTPL, imag_BTPL = heard_BTP2L.unbind(3)
        filtered_BT2PL = torch.stack(
            [
                real_BTPL * mask_real_BTPL - imag_BTPL * mask_imag_BTPL,
                real_BTPL * mask_imag_BTPL + imag_BTPL * mask_real_BTPL,
            ],
            2,
        )
        after: State = {"past": joined_BT2L[:, frames:]} if self.taps > 1 else {}
        return torch.cat([filtered_BT2PL.sum(3), high_BT2U], -1), after


class DualPath(LiveEnhancer):
    """Spectrum -> tokens -> blocks -> filter -> wave."""

    def __init__(self, config: DualPathConfig) -> None:
        super().__init__()
        self.sample_rate_hz = config.sample_rate_hz
        self.basis = FourierBasis(config.window, config.window // 2)
        self.hop, self.latency = self.basis.hop, self.basis.latency
        spread_FG = bands.spread(self.basis.bins, config.bands, config.low, config.bin_hz)
        self.bands, self.filter = Bands(config, spread_FG), Filter(config, spread_FG)
        self.spare = config.spare_db and Spare(*config.spare_db, 1000 * config.spare_s / (config.latency_ms / 2))
        self.group = config.group
        tokens = self.bands.tokens
        self.embed = nn.Linear(self.bands.size, config.channels)
        # Weights are shared by tokens; this tells them which they are.
        self.place = nn.Parameter(0.1 * torch.randn(tokens, 1, config.channels))
        self.blocks = nn.ModuleList(
            Block(tokens, config.channels, config.mix, config.hidden) for _ in range(config.blocks)
        )
        self.head_norm = nn.LayerNorm(config.channels)
        self.head = nn.Linear(config.channels, 2 * config.taps * config.group)
        with torch.no_grad():
            self.head.weight.mul_(0.01)
            self.head.bias.zero_()

    def forward(self, wav_BN: Tensor) -> Tensor:
        late_BN = self.offline(pad_to(wav_BN, self.hop, self.latency))
        return late_BN[:, self.latency : self.latency + wav_BN.shape[1]]

    def offline(self, wav_BN: Tensor) -> Tensor:
        return self.step(wav_BN, self.init_state(wav_BN.shape[0]))[0]

    def init_state(self, rows: int) -> State:
        state = nest("basis", self.basis.init_state(rows, self.place))
        for name, part in self._parts():
            state |= nest(name, part.init_state(rows))
        return state

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        coef_BTC, basis = self.basis.encode(x, child("basis", state))
        coef_BT2G = coef_BTC.unflatten(-1, (2, self.basis.bins))
        token_TKBS, after = self.bands.step(coef_BT2G, child("bands", state))
        after = nest("bands", after)
        y_TKBC = torch.relu(self.embed(token_TKBS) + self.place)
        for place, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            y_TKBC, inner = block.step(y_TKBC, child(f"blocks.{place}", state))
            after |= nest(f"blocks.{place}", inner)
        raw_TKBQS = self.head(self.head_norm(y_TKBC)).unflatten(-1, (-1, self.group))
        raw_BTQF = raw_TKBQS.permute(2, 0, 3, 1, 4).flatten(3)
        filtered_BT2G, inner = self.filter.step(coef_BT2G, raw_BTQF, child("filter", state))
        after |= nest("filter", inner)
        if self.spare:
            filtered_BT2G, inner = self.spare.step(coef_BT2G, filtered_BT2G, child("spare", state))
            after |= nest("spare", inner)
        wav_BN, decoded = self.basis.decode(filtered_BT2G.flatten(2), child("basis", state))
        return wav_BN, after | nest("basis", basis | decoded)

    def _parts(self) -> list[tuple[str, Bands | Block | Filter | Spare]]:
        blocks = [(f"blocks.{place}", block) for place, block in enumerate(self.blocks) if isinstance(block, Block)]
        spare = [("spare", self.spare)] if self.spare else []
        return [("bands", self.bands), *blocks, ("filter", self.filter), *spare]


def build(config: DualPathConfig) -> DualPath:
    """The whole network, with fresh weights."""
    return DualPath(config)
