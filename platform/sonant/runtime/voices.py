"""A bundle that extracts one wanted voice, in onnxruntime: references, whole mixtures, and steps of live ones.

What comes out of `extract` is aligned with the mixture and as long. What comes out of `step` stands `info.latency`
samples behind it; `ending` gives the rest. numpy only: no torch, no Ray.

Shapes: B mixtures or rows, N samples, F hops, E numbers of a voice.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonant.errors import AudioError, ModelError
from sonant.runtime.bundle import Bundle
from sonant.runtime.engine import Graphs
from sonant.runtime.graph import PROVIDERS, Graph, State
from sonant.runtime.info import ExtractInfo
from sonant.runtime.scores import Floats

REFERENCE_S = 60.0
"""What stands behind this in a reference tells nothing new of a voice, and is left out."""
WHOLE_S = 60.0
"""Longest mixture for a network that needs it whole; others take any length in bounded memory."""
_CHUNK_S = 1.0
"""Length of the steps that go through a whole mixture."""


class Sound(NamedTuple):
    """The wanted voice."""

    wav_BN: Floats
    presence_BF: Floats | None
    """Logit that it is there, one a hop, having heard up to the end of that hop; None: the network does not tell."""


class VoiceEngine(Graphs):
    """Runs the graphs of an extractor."""

    def __init__(self, bundle: Bundle, *, threads: int = 1, providers: Sequence[str] = PROVIDERS) -> None:
        super().__init__(bundle, threads=threads, providers=providers)
        if bundle.info.extract is None:
            raise ModelError("model.unknown", f"{bundle.info.id} takes no reference", hint="only extractors do")
        self.sizes: ExtractInfo = bundle.info.extract

    @cached_property
    def _enroll(self) -> Graph:
        return self._load("enroll")

    @property
    def provider(self) -> str:
        """The execution provider that runs the graphs, whatever was asked for."""
        return self._enroll.provider

    @property
    def live(self) -> bool:
        """Whether mixtures can be streamed."""
        return self.info.hop is not None

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
        return self._streamed(mix_BN, voice_BE) if self.live else self._whole(mix_BN, voice_BE)

    def step(self, chunk_BN: Floats, voice_BE: Floats, state: State) -> tuple[Sound, State]:
        """N = F * hop new samples of each row -> as many, `latency` samples behind, and the state after them."""
        sounds: list[Sound] = []
        size = self.hop if self._one_hop else chunk_BN.shape[1]
        for start in range(0, chunk_BN.shape[1], size):
            piece_BN = np.ascontiguousarray(chunk_BN[:, start : start + size])
            outputs, state = self._step.advance({"chunk": piece_BN, "voice": voice_BE}, state)
            sounds.append(self._sound(outputs))
        return _joined(sounds), state

    def ending(self, state: State, voice_BE: Floats, hops: int) -> Floats:
        """The last `latency` samples of streams that end after so many hops, at least one."""
        tail = self.sizes.tail
        if tail is not None and hops >= 2:
            return state[tail]
        silence_BN = np.zeros((len(voice_BE), self._whole_hops(self.info.latency)), np.float32)
        if not silence_BN.shape[1]:
            return silence_BN
        return self.step(silence_BN, voice_BE, state)[0].wav_BN[:, : self.info.latency]

    def _streamed(self, mix_BN: Floats, voice_BE: Floats) -> Sound:
        samples, late = mix_BN.shape[1], self.info.latency
        total, state = self._whole_hops(samples), self.init_state(len(mix_BN))
        size = self._whole_hops(int(_CHUNK_S * self.info.sample_rate_hz))
        wav_BN = np.empty((len(mix_BN), total + late), np.float32)
        presences: list[Floats] = []
        for start in range(0, total, size):
            piece_BN = _padded(mix_BN[:, start : start + size], min(size, total - start))
            sound, state = self.step(piece_BN, voice_BE, state)
            wav_BN[:, start : start + piece_BN.shape[1]] = sound.wav_BN
            presences += [] if sound.presence_BF is None else [sound.presence_BF]
        wav_BN[:, total:] = self.ending(state, voice_BE, total // self.hop)
        return Sound(wav_BN[:, late : late + samples], np.concatenate(presences, axis=1) if presences else None)

    def _whole(self, mix_BN: Floats, voice_BE: Floats) -> Sound:
        samples = mix_BN.shape[1]
        if samples > WHOLE_S * self.info.sample_rate_hz:
            hint = f"cut it to {WHOLE_S:g} s, or use a network that streams"
            raise AudioError("audio.too_long", f"{self.info.id} takes mixtures as a whole", hint=hint)
        sound = self._sound(self._model.run({"mix": self._filled(mix_BN), "voice": voice_BE}))
        return sound._replace(wav_BN=sound.wav_BN[:, :samples])

    def _sound(self, outputs: Sequence[Floats]) -> Sound:
        return Sound(outputs[0], outputs[1] if self.sizes.presence else None)

    @cached_property
    def _one_hop(self) -> bool:
        """Whether the step graph takes one hop at a time."""
        chunk = next(tensor for tensor in self._step.inputs if tensor.name == "chunk")
        return isinstance(chunk.shape[1], int)

    def _whole_hops(self, samples: int) -> int:
        return -(-samples // self.hop) * self.hop

    def _filled(self, wav_BN: Floats) -> Floats:
        grain = self.sizes.grain
        return _padded(wav_BN, -(-wav_BN.shape[1] // grain) * grain)


def _padded(wav_BN: Floats, samples: int) -> Floats:
    missing = samples - wav_BN.shape[1]
    return np.pad(wav_BN, ((0, 0), (0, missing))) if missing else np.ascontiguousarray(wav_BN)


def _joined(sounds: Sequence[Sound]) -> Sound:
    if len(sounds) == 1:
        return sounds[0]
    presences = [sound.presence_BF for sound in sounds if sound.presence_BF is not None]
    wav_BN = np.concatenate([sound.wav_BN for sound in sounds], axis=1)
    return Sound(wav_BN, np.concatenate(presences, axis=1) if presences else None)
