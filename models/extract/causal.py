"""The causal extractor: a mask on frames, from separable convolutions that never look ahead and carry their past.

Nothing is computed twice and nothing is tied to a length of chunk: a stream may step by any number of hops. The
delay is that of the overlapping frames alone. Shapes: B streams, N samples, T frames, C channels, E numbers of a voice.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from models.base import Section
from models.extract import frame_memory
from models.extract.base import Extraction, ExtractorConfig, Live, LiveExtractor, SpeakerLogits, pad_to, silence_padding
from models.extract.basis import Basis, FourierBasis, LearnedBasis
from models.extract.enrolment import Enrolment, frames_of
from models.extract.frame_memory import ChannelGruMemory, FedBackChannelsMemory, FrameMemoryConfig
from models.extract.frames import CONDITIONS, Block, NormKind
from models.extract.masked import real_frames
from models.streaming import Chain, State, child, nest


class LearnedBasisConfig(Section):
    """Frames become coefficients, and coefficients frames, by trained kernels."""

    kind: Literal["learned"] = "learned"
    filters: Annotated[int, Field(ge=8, le=4096)] = 416
    """Coefficients of a frame."""


class FourierBasisConfig(Section):
    """The short-time Fourier transform, with a complex mask; it has no weights."""

    kind: Literal["fourier"] = "fourier"


BasisConfig = Annotated[LearnedBasisConfig | FourierBasisConfig, Field(discriminator="kind")]


class CausalExtractorConfig(ExtractorConfig):
    """A causal extractor of one voice: small, fast, and silent when the voice is absent."""

    kind: Literal["causal_extractor"] = "causal_extractor"
    latency_ms: Annotated[float, Field(ge=1, le=64)] = 20.0
    """How long a sample waits at most, without the time to compute, in ms: the length of a frame."""
    hops_per_frame: Annotated[int, Field(ge=2, le=16)] = 4
    """Frames that overlap at any time; the hop is latency_ms by this. More cost more and see time finer."""
    basis: BasisConfig = LearnedBasisConfig()
    channels: Annotated[int, Field(ge=4, le=1024)] = 128
    """Width between blocks."""
    hidden: Annotated[int, Field(ge=4, le=2048)] = 256
    """Width inside blocks."""
    kernel: Annotated[int, Field(ge=2, le=15)] = 3
    """Taps of the filters along time."""
    stacks: Annotated[int, Field(ge=1, le=8)] = 3
    """Groups of blocks; the voice enters at the start of each."""
    blocks: Annotated[int, Field(ge=1, le=10)] = 6
    """Blocks of a stack; their dilations are 1, 2, 4 ..."""
    norm: NormKind = "channel"
    """Over the channels of each frame (channel), or also over the past (cumulative)."""
    condition: Literal["film", "multiply"] = "film"
    """The voice gives each channel a gain and an offset (film), or a gain only (multiply)."""
    memory: FrameMemoryConfig = ChannelGruMemory()
    """What is kept beyond the reach of the convolutions."""
    voice_size: Annotated[int, Field(ge=2, le=1024)] = 128
    """Numbers of a voice."""
    enrolment_blocks: Annotated[int, Field(ge=0, le=10)] = 2
    """Blocks that look at the reference."""
    gate: bool = True
    """Outside training, frames are multiplied by the probability that the voice is there."""

    @property
    def window(self) -> int:
        """Samples of a frame."""
        return self.samples(self.latency_ms)

    @model_validator(mode="after")
    def _frames_fit(self) -> Self:
        if self.window % self.hops_per_frame:
            raise ValueError(
                f"latency_ms={self.latency_ms:g} is {self.window} samples: no multiple of {self.hops_per_frame} hops"
            )
        if self.basis.kind == "fourier" and self.window % 2:
            raise ValueError(f"a Fourier basis needs frames of an even number of samples, not {self.window}")
        return self


class CausalExtractor(LiveExtractor):
    """Basis -> norm -> stacks of blocks, conditioned on the voice -> mask and presence -> basis."""

    def __init__(self, config: CausalExtractorConfig) -> None:
        super().__init__()
        self.basis = _basis(config)
        self.hop, self.latency = self.basis.hop, self.basis.latency
        self.sample_rate_hz, self.voice_size, self.gate = config.sample_rate_hz, config.voice_size, config.gate
        per_ms = config.sample_rate_hz / 1000 / self.hop
        fed_back = config.memory if isinstance(config.memory, FedBackChannelsMemory) else None
        self.fed_back = fed_back.size if fed_back else 0
        self.delay = max(1, round(fed_back.delay_ms * per_ms)) if fed_back else 0
        self.one_hop = self.delay > 0
        self.channels = config.channels
        width = config.channels + self.fed_back
        features = self.basis.features_size
        self.enrolment = Enrolment(features, config.channels, config.enrolment_blocks, config.voice_size)
        self.speaker = SpeakerLogits(config.voice_size, config.speakers)
        # Quiet recordings have coefficients far below 1: a common epsilon would take them for silence.
        self.input = nn.Sequential(nn.LayerNorm(features, eps=1e-8), nn.Linear(features, config.channels))
        condition = CONDITIONS[config.condition]
        self.conditions = nn.ModuleList(condition(config.voice_size, width) for _ in range(config.stacks))
        self.stacks = nn.ModuleList(
            Chain(
                *(Block(width, config.hidden, config.kernel, 2**block, config.norm) for block in range(config.blocks))
            )
            for _ in range(config.stacks)
        )
        self.memory = frame_memory.create(config.memory, width, per_ms)
        self.mask = nn.Sequential(nn.LayerNorm(config.channels), nn.Linear(config.channels, self.basis.size))
        self.presence = nn.Sequential(nn.LayerNorm(config.channels), nn.Linear(config.channels, 1))

    def enroll(self, ref_BR: Tensor, ref_samples_B: Tensor | None = None) -> Tensor:
        samples_B = ref_BR.new_full((ref_BR.shape[0],), ref_BR.shape[1]) if ref_samples_B is None else ref_samples_B
        wav_BR = pad_to(silence_padding(ref_BR, ref_samples_B), self.hop)
        coef_BTC, _ = self.basis.encode(wav_BR, self.basis.init_state(wav_BR.shape[0], wav_BR))
        real_BT = real_frames(frames_of(samples_B, self.hop), coef_BTC.shape[1], coef_BTC)
        return self.enrolment(self.basis.features(coef_BTC), real_BT)

    def logits(self, voice_BE: Tensor) -> Tensor | None:
        return self.speaker(voice_BE)

    def extract(self, mix_BN: Tensor, voice_BE: Tensor) -> Extraction:
        samples = mix_BN.shape[1]
        live = self.offline(pad_to(mix_BN, self.hop, self.latency), voice_BE)
        assert live.presence_BF is not None
        hops = -(-samples // self.hop)
        return Extraction(live.wav_BN[:, self.latency : self.latency + samples], presence_BF=live.presence_BF[:, :hops])

    def offline(self, mix_BN: Tensor, voice_BE: Tensor) -> Live:
        return self.step(mix_BN, self.init_state(mix_BN.shape[0]), voice_BE)[0]

    def init_state(self, rows: int) -> State:
        like = next(self.parameters())
        state = nest("basis", self.basis.init_state(rows, like))
        for place, stack in enumerate(self.stacks):
            assert isinstance(stack, Chain)
            state |= nest(f"stacks.{place}", stack.init_state(rows))
        if self.memory is not None:
            state |= nest("memory", self.memory.init_state(rows))
        if self.delay:
            state["fed_back"] = like.new_zeros(rows, self.delay, self.fed_back)
        return state

    def step(self, x: Tensor, state: State, voice_BE: Tensor) -> tuple[Live, State]:
        coef_BTC, basis = self.basis.encode(x, child("basis", state))
        input_BTC = self.input(self.basis.features(coef_BTC))
        separate = self._separate_fed_back if self.delay else self._separate
        y_BTC, after = separate(input_BTC, state, voice_BE)
        presence_BT = self.presence(y_BTC)[..., 0]
        masked_BTC = self.basis.masked(coef_BTC, self.mask(y_BTC))
        if self.gate and not self.training:
            masked_BTC = masked_BTC * torch.sigmoid(presence_BT)[..., None]
        wav_BN, decoded = self.basis.decode(masked_BTC, child("basis", state))
        return Live(wav_BN, presence_BT), after | nest("basis", basis | decoded)

    def _separate(self, x_BTC: Tensor, state: State, voice_BE: Tensor) -> tuple[Tensor, State]:
        after: State = {}
        for place, (condition, stack) in enumerate(zip(self.conditions, self.stacks, strict=True)):
            assert isinstance(stack, Chain)
            if self.memory is not None and place == len(self.stacks) - 1:
                x_BTC, memory = self.memory.step(x_BTC, child("memory", state))
                after |= nest("memory", memory)
            name = f"stacks.{place}"
            x_BTC, stack_after = stack.step(condition(x_BTC, voice_BE), child(name, state))
            after |= nest(name, stack_after)
        return x_BTC, after

    def _separate_fed_back(self, x_BTC: Tensor, state: State, voice_BE: Tensor) -> tuple[Tensor, State]:
        """What comes out beside the signal goes in again `delay` frames later, so no piece may be longer than that."""
        pieces: list[Tensor] = []
        for piece_BTC in x_BTC.split(self.delay, 1):
            fed_back_BTP, frames = state["fed_back"], piece_BTC.shape[1]
            piece_BTC = torch.cat([piece_BTC, fed_back_BTP[:, :frames]], -1)
            y_BTC, state = self._separate(piece_BTC, state, voice_BE)
            y_BTC, out_BTP = y_BTC.split([self.channels, self.fed_back], -1)
            state["fed_back"] = torch.cat([fed_back_BTP, out_BTP], 1)[:, frames:]
            pieces.append(y_BTC)
        return torch.cat(pieces, 1), state


def _basis(config: CausalExtractorConfig) -> Basis:
    hop = config.window // config.hops_per_frame
    if isinstance(config.basis, LearnedBasisConfig):
        return LearnedBasis(config.window, hop, config.basis.filters)
    return FourierBasis(config.window, hop)


def build(config: CausalExtractorConfig) -> CausalExtractor:
    """The whole network, with fresh weights."""
    return CausalExtractor(config)
