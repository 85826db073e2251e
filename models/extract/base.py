"""What all networks share that extract one wanted voice from a mixture; and the live form of that.

Two graphs: `enroll` makes a vector of the wanted voice from a reference, once a session; everything else takes that
vector and the mixture. Shapes: B mixtures or streams, N samples, R reference samples, E numbers in a voice, K speakers
of the training set, F hops.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from models.base import NetworkConfig
from models.streaming import State


class ExtractorConfig(NetworkConfig):
    """The part of an extraction network's config that does not depend on its layers."""

    sample_rate_hz: Annotated[int, Field(ge=4000, le=48_000)] = 16_000
    """Rate of the mixture, the reference and the output in Hz."""
    speakers: Annotated[int, Field(ge=2)] | None = None
    """Speakers that training also tells apart by their references; null: none, and no layer for it."""

    def samples(self, ms: float) -> int:
        """A time in samples."""
        return round(ms * self.sample_rate_hz / 1000)


class Extraction(NamedTuple):
    """What training sees of a batch, aligned with the mixture."""

    wav_BN: Tensor
    """The wanted voice, as long as the mixture."""
    scales: tuple[Tensor, ...] = ()
    """The same at further scales [B, N], from networks that have them, in training only."""
    logits_BK: Tensor | None = None
    """Which speaker the reference is of, where the config has speakers."""
    presence_BF: Tensor | None = None
    """Logit that the wanted voice is there at all, one a hop, having heard up to the end of that hop."""


class Live(NamedTuple):
    """What a stream gives: each sample in it stands `latency` samples behind the mixture."""

    wav_BN: Tensor
    presence_BF: Tensor | None = None


class SpeakerLogits(nn.Module):
    """Which speaker of the training set a voice is of; nothing where there are none to tell apart."""

    def __init__(self, voice_size: int, speakers: int | None) -> None:
        super().__init__()
        self.output = None if speakers is None else nn.Linear(voice_size, speakers)

    def forward(self, voice_BE: Tensor) -> Tensor | None:
        return None if self.output is None else self.output(voice_BE)


class Extractor(nn.Module):
    """A mixture and a reference in, the voice of the reference out."""

    sample_rate_hz: int
    voice_size: int

    def enroll(self, ref_BR: Tensor, ref_samples_B: Tensor | None = None) -> Tensor:
        """The voice [B, E] of references of at least one sample. Samples from `ref_samples_B` on are padding and
        change nothing; None: there is no padding."""
        raise NotImplementedError

    def logits(self, voice_BE: Tensor) -> Tensor | None:
        """The logits [B, K] of a voice, or None where the config has no speakers."""
        raise NotImplementedError

    def extract(self, mix_BN: Tensor, voice_BE: Tensor) -> Extraction:
        """The wanted voice of whole mixtures of any length, without speaker logits."""
        raise NotImplementedError

    def forward(self, mix_BN: Tensor, ref_BR: Tensor, ref_samples_B: Tensor | None = None) -> Extraction:
        """Both graphs at once: what training calls."""
        voice_BE = self.enroll(ref_BR, ref_samples_B)
        return self.extract(mix_BN, voice_BE)._replace(logits_BK=self.logits(voice_BE))


class LiveExtractor(Extractor):
    """An extraction network that streams (models.streaming.Streaming, with the voice as a further input)."""

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

    def step(self, x: Tensor, state: State, voice_BE: Tensor) -> tuple[Live, State]:
        """The next n * hop samples [B, n * hop] of each stream give as many samples, and n presence logits."""
        raise NotImplementedError

    def offline(self, mix_BN: Tensor, voice_BE: Tensor) -> Live:
        """What a stream would give for a whole number of hops, at once."""
        raise NotImplementedError

    def flush(self, state: State, voice_BE: Tensor) -> Tensor:
        """The last `latency` samples [B, latency] of streams that end here."""
        if self.latency == 0:
            return voice_BE.new_zeros(voice_BE.shape[0], 0)
        hops = -(-self.latency // self.hop)
        silence_BN = voice_BE.new_zeros(voice_BE.shape[0], hops * self.hop)
        return self.step(silence_BN, state, voice_BE)[0].wav_BN[:, : self.latency]


def stream(
    model: LiveExtractor, mix_BN: Tensor, voice_BE: Tensor, chunks: list[int], state: State | None = None
) -> tuple[Live, State]:
    """Streams mixtures through a network in chunks of the given sizes; like models.streaming.scan, with a voice."""
    assert sum(chunks) == mix_BN.shape[1], f"chunks cover {sum(chunks)} of {mix_BN.shape[1]} samples"
    state = model.init_state(mix_BN.shape[0]) if state is None else state
    parts: list[Live] = []
    for chunk_BN in mix_BN.split(chunks, dim=1):
        part, state = model.step(chunk_BN, state, voice_BE)
        parts.append(part)
    presences = [part.presence_BF for part in parts if part.presence_BF is not None]
    return Live(torch.cat([part.wav_BN for part in parts], 1), torch.cat(presences, 1) if presences else None), state


def pad_to(wav_BN: Tensor, multiple: int, extra: int = 0) -> Tensor:
    """Zeros behind a signal: `extra` samples, and what is missing to a multiple."""
    missing = -(wav_BN.shape[1] + extra) % multiple
    return F.pad(wav_BN, (0, extra + missing))


def silence_padding(wav_BN: Tensor, samples_B: Tensor | None) -> Tensor:
    """Makes sure that padding holds zeros."""
    if samples_B is None:
        return wav_BN
    place_N = torch.arange(wav_BN.shape[1], device=wav_BN.device)
    return wav_BN * (place_N < samples_B[:, None])
