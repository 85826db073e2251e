"""A bundle that extracts one wanted voice, in onnxruntime: references, whole mixtures, and steps of live ones.

What comes out of `extract` is aligned with the mixture and as long. What comes out of `step` stands `info.latency`
samples behind it; `ending` gives the rest. numpy only: no torch, no Ray.

Shapes: B mixtures or rows, N samples, F hops, E numbers of a voice.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sonant.errors import AudioError, ModelError
from sonant.runtime.bundle import Bundle
from sonant.runtime.graph import PROVIDERS, Graph, State
from sonant.runtime.info import ExtractInfo
from sonant.runtime.scores import Floats
from sonant.runtime.sounds import WHOLE_S, Held, Sound, SoundEngine

__all__ = ["REFERENCE_S", "VOICE", "WHOLE_S", "Sound", "VoiceEngine"]

VOICE = "voice"
"""Name of the voice in the graphs."""
REFERENCE_S = 60.0
"""What stands behind this in a reference tells nothing new of a voice, and is left out."""


class VoiceEngine(SoundEngine):
    """Runs the graphs of an extractor."""

    wave = "mix"

    def __init__(self, bundle: Bundle, *, threads: int = 1, providers: Sequence[str] = PROVIDERS) -> None:
        if bundle.info.extract is None:
            raise ModelError("model.unknown", f"{bundle.info.id} takes no reference", hint="only extractors do")
        super().__init__(bundle, threads=threads, providers=providers)

    @property
    def sizes(self) -> ExtractInfo:
        """What belongs to an extractor."""
        assert self.info.extract is not None, "it was looked at"
        return self.info.extract

    @cached_property
    def _enroll(self) -> Graph:
        return self._load("enroll")

    @property
    def provider(self) -> str:
        """The execution provider that runs the graphs, whatever was asked for."""
        return self._enroll.provider

    def enroll(self, refs: Sequence[Floats]) -> Floats:
        """The voice_E of one speaker from mono references of any lengths: their mean, as large as they are on average,
        so that a voice of many references is not taken for a weak one."""
        if not refs or not all(len(ref_N) for ref_N in refs):
            raise AudioError(
                "audio.empty", "a reference holds no samples", hint="send a few seconds of the voice alone"
            )
        most = int(REFERENCE_S * self.info.sample_rate_hz)
        voice_WE = np.concatenate([self.voices(ref_N[None, :most], np.array([len(ref_N[:most])])) for ref_N in refs])
        mean_E = voice_WE.mean(axis=0)
        length = float(np.linalg.norm(mean_E))
        return mean_E * np.float32(np.linalg.norm(voice_WE, axis=1).mean() / length if length else 1.0)

    def voices(self, ref_BN: Floats, samples_B: NDArray[np.int64]) -> Floats:
        """The voice_BE of each reference; what stands behind its samples changes nothing."""
        return self._enroll.run({"ref": self._filled(ref_BN), "ref_samples": samples_B})[0]

    def extract(self, mix_N: Floats, voice_E: Floats) -> Sound:
        """The voice in one mixture, of any length where the network streams; memory does not grow but by the answer."""
        if not len(mix_N):
            raise AudioError("audio.empty", "the mixture holds no samples")
        wav_BN, presence_BF = self.extract_rows(mix_N[None], voice_E[None])
        return Sound(wav_BN[0], None if presence_BF is None else presence_BF[0])

    def extract_rows(self, mix_BN: Floats, voice_BE: Floats) -> Sound:
        """`extract` of several mixtures of one length."""
        return self.whole(mix_BN, _held(voice_BE))

    def step(self, chunk_BN: Floats, voice_BE: Floats, state: State) -> tuple[Sound, State]:
        """N = F * hop new samples of each row -> as many, `latency` samples behind, and the state after them."""
        return self.advance(chunk_BN, state, _held(voice_BE))

    def ending(self, state: State, voice_BE: Floats, hops: int) -> Floats:
        """The last `latency` samples of streams that end after so many hops, at least one."""
        return self.rest(state, hops, _held(voice_BE))


def _held(voice_BE: Floats) -> Held:
    return {VOICE: voice_BE}
