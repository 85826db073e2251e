"""A bundle whose answer is sound, in onnxruntime: whole recordings, long ones piece by piece, and steps of live ones.

What comes out of whole recordings is aligned with them and as long. What comes out of a step stands `info.latency`
samples behind; `rest` gives the last of it. numpy only: no torch, no Ray. `held` is what every call is told again, by
its name in the graphs, such as the voice that an extractor follows (`runtime.voices`).

Shapes: B recordings or rows, N samples, F hops.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from sonant.errors import AudioError, ModelError
from sonant.runtime.bundle import Bundle
from sonant.runtime.engine import Graphs
from sonant.runtime.graph import PROVIDERS, State
from sonant.runtime.info import SoundInfo
from sonant.runtime.scores import Floats

WHOLE_S = 60.0
"""Longest recording that is given to a network that needs it whole; others take any length in bounded memory."""
_CHUNK_S = 1.0
"""Length of the steps that go through a whole recording."""

Held = Mapping[str, Floats]
NOTHING: Held = {}


class Sound(NamedTuple):
    """What a network gives."""

    wav_BN: Floats
    presence_BF: Floats | None
    """Logit that the wanted voice is there, one a hop, having heard up to the end of that hop; None: the network does
    not tell."""


class SoundEngine(Graphs):
    """Runs the graphs of a bundle whose answer is sound."""

    wave = "noisy"
    """Name of the wave in model.onnx."""

    def __init__(self, bundle: Bundle, *, threads: int = 1, providers: Sequence[str] = PROVIDERS) -> None:
        super().__init__(bundle, threads=threads, providers=providers)
        if bundle.info.sound is None:
            raise ModelError("model.unknown", f"{bundle.info.id} does not answer with sound")

    @property
    def sizes(self) -> SoundInfo:
        """What belongs to such a bundle."""
        assert self.info.sound is not None, "it was looked at"
        return self.info.sound

    @property
    def provider(self) -> str:
        """The execution provider that runs the graphs, whatever was asked for."""
        return (self._step if self.live else self._model).provider

    @property
    def live(self) -> bool:
        """Whether recordings can be streamed."""
        return self.info.hop is not None

    def whole(self, wav_BN: Floats, held: Held = NOTHING) -> Sound:
        """Recordings of one length: any length where the network streams; memory does not grow but by the answer."""
        return _joined(list(self.stream([wav_BN], held))) if self.live else self._at_once(wav_BN, held)

    def stream(self, pieces: Iterable[Floats], held: Held = NOTHING) -> Iterator[Sound]:
        """Recordings in pieces [B, N] of any lengths -> the same in other pieces: all together as many samples."""
        size = self._whole_hops(int(_CHUNK_S * self.info.sample_rate_hz))
        early, taken, given, state = self.info.latency, 0, 0, None
        waiting_BN: Floats | None = None
        for piece_BN, last in _with_last(pieces):
            taken += piece_BN.shape[1]
            waiting_BN = piece_BN if waiting_BN is None else np.concatenate([waiting_BN, piece_BN], axis=1)
            state = self.init_state(len(piece_BN)) if state is None else state
            if last:
                waiting_BN = padded(waiting_BN, self._whole_hops(waiting_BN.shape[1]))
            start = 0
            while waiting_BN.shape[1] - start >= (1 if last else size):
                chunk_BN = np.ascontiguousarray(waiting_BN[:, start : start + size])
                start += chunk_BN.shape[1]
                sound, state = self.advance(chunk_BN, state, held)
                wav_BN = sound.wav_BN[:, early : early + taken - given]
                early -= min(early, sound.wav_BN.shape[1])
                given += wav_BN.shape[1]
                yield sound._replace(wav_BN=wav_BN)
            waiting_BN = waiting_BN[:, start:]
        if state is not None and taken:
            rest_BN = self.rest(state, self._whole_hops(taken) // self.hop, held)
            yield Sound(rest_BN[:, early : early + taken - given], None)

    def advance(self, chunk_BN: Floats, state: State, held: Held = NOTHING) -> tuple[Sound, State]:
        """N = F * hop new samples of each row -> as many, `latency` samples behind, and the state after them."""
        sounds: list[Sound] = []
        size = self.hop if self._one_hop else chunk_BN.shape[1]
        for start in range(0, chunk_BN.shape[1], size):
            piece_BN = np.ascontiguousarray(chunk_BN[:, start : start + size])
            outputs, state = self._step.advance({"chunk": piece_BN, **held}, state)
            sounds.append(_sound(outputs))
        return _joined(sounds), state

    def rest(self, state: State, hops: int, held: Held = NOTHING) -> Floats:
        """The last `latency` samples of streams that end after so many hops, at least one."""
        tail = self.sizes.tail
        if tail is not None and hops >= 2:
            return state[tail]
        rows = len(next(iter(state.values())))
        silence_BN = np.zeros((rows, self._whole_hops(self.info.latency)), np.float32)
        if not silence_BN.shape[1]:
            return silence_BN
        return self.advance(silence_BN, state, held)[0].wav_BN[:, : self.info.latency]

    def _at_once(self, wav_BN: Floats, held: Held) -> Sound:
        samples = wav_BN.shape[1]
        if samples > WHOLE_S * self.info.sample_rate_hz:
            hint = f"cut it to {WHOLE_S:g} s, or use a network that streams"
            raise AudioError("audio.too_long", f"{self.info.id} takes recordings as a whole", hint=hint)
        sound = _sound(self._model.run({self.wave: self._filled(wav_BN), **held}))
        return sound._replace(wav_BN=sound.wav_BN[:, :samples])

    @cached_property
    def _one_hop(self) -> bool:
        """Whether the step graph takes one hop at a time."""
        chunk = next(tensor for tensor in self._step.inputs if tensor.name == "chunk")
        return isinstance(chunk.shape[1], int)

    def _whole_hops(self, samples: int) -> int:
        return -(-samples // self.hop) * self.hop

    def _filled(self, wav_BN: Floats) -> Floats:
        grain = self.sizes.grain
        return padded(wav_BN, -(-wav_BN.shape[1] // grain) * grain)


def padded(wav_BN: Floats, samples: int) -> Floats:
    """Silence behind waves, up to so many samples."""
    missing = samples - wav_BN.shape[1]
    return np.pad(wav_BN, ((0, 0), (0, missing))) if missing else np.ascontiguousarray(wav_BN)


def _sound(outputs: Sequence[Floats]) -> Sound:
    return Sound(outputs[0], outputs[1] if len(outputs) > 1 else None)


def _joined(sounds: Sequence[Sound]) -> Sound:
    if len(sounds) == 1:
        return sounds[0]
    presences = [sound.presence_BF for sound in sounds if sound.presence_BF is not None]
    wav_BN = np.concatenate([sound.wav_BN for sound in sounds], axis=1)
    return Sound(wav_BN, np.concatenate(presences, axis=1) if presences else None)


def _with_last(pieces: Iterable[Floats]) -> Iterator[tuple[Floats, bool]]:
    """Each piece, and whether it is the last one."""
    before: Floats | None = None
    for piece_BN in pieces:
        if before is not None:
            yield before, False
        before = piece_BN
    if before is not None:
        yield before, True
