"""The network that SpEx+ and its short form share: shared speech encoder, speaker encoder, separator, masks, decoder.

Ge et al. 2020, arXiv:2005.04686. Shapes: B mixtures, N samples, C channels, F frames, E numbers of a voice.
"""

from __future__ import annotations

from typing import Annotated, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from models.extract import memory
from models.extract.base import Extraction, Extractor, ExtractorConfig, SpeakerLogits, silence_padding
from models.extract.memory import MemoryConfig, NoMemory, Place
from models.extract.segmented import ChunkExtractor, SegmentConfig, Segmented, hop_of
from models.extract.speaker import SpeakerEncoder
from models.extract.tcn import BlockShape, ChannelNorm, ChunkNorm, Stack
from models.extract.waves import ScaleDecoder, ScaleEncoder
from models.streaming import State

Width = Annotated[int, Field(ge=4, le=2048)]


class SpexConfig(ExtractorConfig):
    """What the configs of SpEx+ and its short form have in common."""

    channels: Width = 256
    """Channels of the encoder and between blocks."""
    hidden: Width = 512
    """Channels inside blocks."""
    voice_size: Annotated[int, Field(ge=2, le=1024)] = 100
    """Numbers of a voice."""
    speaker_blocks: Annotated[int, Field(ge=1, le=6)] = 3
    """Residual blocks of the speaker encoder; each makes time three times shorter."""
    stacks: Annotated[int, Field(ge=1, le=8)] = 4
    """Groups of blocks; the voice enters at the start of each."""
    blocks: Annotated[int, Field(ge=1, le=10)] = 6
    """Blocks of a stack; their dilations are 1, 2, 4 ..."""
    extra_pointwise: bool = True
    """The research system's layer from all hidden channels to all, behind each depthwise one: half of all
    parameters, and in no paper."""
    norm: ChunkNorm = "global"
    """Norms in blocks: over a whole chunk (global), or over the channels of each frame (channel)."""
    causal: bool = False
    """Convolutions see no later frames of their chunk."""
    segment: SegmentConfig | None = None
    """Works on windows of this length, live; null: on whole mixtures."""

    @property
    def kernels(self) -> tuple[int, ...]:
        """Lengths of the encoder's kernels in samples, the shortest first."""
        raise NotImplementedError

    @property
    def kept(self) -> MemoryConfig:
        """What a window tells the next."""
        return NoMemory()

    @property
    def window(self) -> int:
        """Samples of a window; 0 where there are none."""
        return 0 if self.segment is None else self.samples(self.segment.window_ms)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        shortest, *_ = self.kernels
        if self.segment is not None and (self.window < shortest or self.window % shortest):
            raise ValueError(
                f"segment.window_ms must be whole kernels of {shortest} samples, not {self.window} samples"
            )
        if self.segment is None and self.kept.kind != "none":
            raise ValueError(f"memory.kind={self.kept.kind} goes from window to window: set segment, or kind=none")
        if self.kept.kind == "cache" and self.kept.size > self.channels:
            raise ValueError(f"memory.size={self.kept.size} of {self.channels} channels cannot be kept")
        if self.kept.kind == "rnn" and self.blocks < 3:
            raise ValueError("memory.kind=rnn needs blocks between the first and the last of a stack: blocks >= 3")
        return self


class Separator(nn.Module):
    """Frames [B, scales * C, F] and a voice -> [B, C, F], with a memory from chunk to chunk."""

    def __init__(self, config: SpexConfig, inputs: int, frames: int, shift: int) -> None:
        super().__init__()
        shape = BlockShape(config.hidden, config.voice_size, config.norm, config.causal, config.extra_pointwise)
        place = Place(config.channels, frames, config.stacks, config.blocks, shape, shift)
        self.channels = config.channels
        self.input = nn.Sequential(ChannelNorm(inputs), nn.Conv1d(inputs, config.channels, 1))
        self.memory = memory.create(config.kept, place)
        width = config.channels + self.memory.widened
        self.stacks = nn.ModuleList(
            Stack(width + self.memory.joined(stack), width, config.blocks, shape) for stack in range(config.stacks)
        )

    def forward(self, x_BCF: Tensor, voice_BE: Tensor, state: State) -> tuple[Tensor, State]:
        x_BCF = self.input(x_BCF)
        inputs: list[Tensor] = []
        outputs: list[Tensor] = []
        for place, stack in enumerate(self.stacks):
            inputs.append(x_BCF)
            nudge_BC1 = self.memory.nudge(place, state)
            outputs = stack(self.memory.enter(place, x_BCF, state), voice_BE, nudge_BC1)
            x_BCF = outputs[-1]
        return x_BCF[:, : self.channels], self.memory.update(inputs, outputs, state)


class Spex(ChunkExtractor):
    """The first scale is the output; the others are there to learn from, and only computed then."""

    def __init__(self, config: SpexConfig) -> None:
        super().__init__()
        channels, scales = config.channels, len(config.kernels)
        self.sample_rate_hz, self.voice_size = config.sample_rate_hz, config.voice_size
        self.remembers = config.kept.kind != "none"
        self.encoder = ScaleEncoder(config.kernels, channels)
        self.speaker = SpeakerEncoder(scales * channels, channels, config.voice_size, config.speaker_blocks)
        self.speaker_logits = SpeakerLogits(config.voice_size, config.speakers)
        frames, shift = 0, 0
        if config.segment is not None:
            frames = self.encoder.frames(config.window)
            later = hop_of(config.window, config.segment.mode) // self.encoder.hop
            overlaps = config.segment.mode == "half" and config.segment.align_memory
            shift = later if overlaps else 0
        self.separator = Separator(config, scales * channels, frames, shift)
        self.masks = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in range(scales))
        self.decoder = ScaleDecoder(config.kernels, channels)

    def enroll(self, ref_BR: Tensor, ref_samples_B: Tensor | None = None) -> Tensor:
        samples_B = ref_BR.new_full((ref_BR.shape[0],), ref_BR.shape[1]) if ref_samples_B is None else ref_samples_B
        frames = self.encoder(silence_padding(ref_BR, ref_samples_B), self.speaker.shortest)
        return self.speaker(torch.cat(frames, 1), self.encoder.frames_of(samples_B))

    def logits(self, voice_BE: Tensor) -> Tensor | None:
        return self.speaker_logits(voice_BE)

    def init_state(self, rows: int) -> State:
        return self.separator.memory.init_state(rows, next(self.parameters()))

    def chunk(self, mix_BW: Tensor, state: State, voice_BE: Tensor) -> tuple[list[Tensor], State]:
        frames = self.encoder(mix_BW)
        y_BCF, after = self.separator(torch.cat(frames, 1), voice_BE, state)
        wavs = [
            self.decoder(scale, frames[scale] * torch.relu(self.masks[scale](y_BCF)), mix_BW.shape[1])
            for scale in range(len(frames) if self.training else 1)
        ]
        return wavs, after

    def extract(self, mix_BN: Tensor, voice_BE: Tensor) -> Extraction:
        assert not self.remembers, "a memory goes from window to window"
        (wav_BN, *scales), _ = self.chunk(mix_BN, {}, voice_BE)
        return Extraction(wav_BN, tuple(scales))


def build(config: SpexConfig) -> Extractor:
    """The whole network, with fresh weights: of whole mixtures, or live in windows."""
    model = Spex(config)
    if config.segment is None:
        return model
    return Segmented(model, config.window, config.segment.mode, config.segment.truncate)
