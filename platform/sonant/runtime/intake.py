"""What a live client sends, made ready for a network: any rate and any size of chunk go in, whole hops come out."""

from __future__ import annotations

from typing import Any

import numpy as np

from sonant.audio.resample import LiveResampler
from sonant.runtime.scores import Floats

_MAX_CHUNK_S = 0.2
"""Most sound in one step, so that a client that sends minutes at once does not make the others wait for it."""


class Intake:
    """Counts every sample on its way."""

    def __init__(self, rate_hz: int, model_rate_hz: int, hop: int) -> None:
        self._rate_hz, self._model_rate_hz, self._hop = rate_hz, model_rate_hz, hop
        self._resampler = LiveResampler(rate_hz, model_rate_hz)
        self._waiting = np.zeros(0, np.float32)
        self._max_chunk = max(1, int(_MAX_CHUNK_S * model_rate_hz / hop)) * hop
        self.received = 0
        """Samples that the client sent, at its rate."""
        self.resampled = 0
        """Samples that this made at the model's rate."""
        self.padded = 0
        """Zeros that were put after them at the end."""
        self.stepped = 0
        """Samples handed out by `ready`: in the end all that were resampled and padded."""

    @property
    def audio_s(self) -> float:
        """Seconds of sound that the client sent."""
        return self.received / self._rate_hz

    @property
    def backlog_s(self) -> float:
        """Seconds of sound that wait to be stepped."""
        return len(self._waiting) / self._model_rate_hz

    def push(self, pcm_N: Floats) -> None:
        """Takes mono float samples at the client's rate, any number of them."""
        self.received += len(pcm_N)
        self._append(self._resampler.push(pcm_N))

    def ready(self) -> Floats | None:
        """The next whole hops, at most a fifth of a second of them; None when less than a hop waits."""
        size = min(len(self._waiting) // self._hop * self._hop, self._max_chunk)
        if size == 0:
            return None
        chunk, self._waiting = self._waiting[:size], self._waiting[size:]
        self.stepped += size
        return chunk

    def save(self) -> dict[str, Any]:
        """All that it takes to go on from here, before the end."""
        counts = {"received": self.received, "resampled": self.resampled, "stepped": self.stepped}
        return {**counts, "resampler": self._resampler.save(), "waiting": self._waiting}

    def load(self, saved: dict[str, Any]) -> None:
        """Goes on from there, with the same rates and hop."""
        self.received, self.resampled, self.stepped = saved["received"], saved["resampled"], saved["stepped"]
        self._resampler.load(saved["resampler"])
        self._waiting = saved["waiting"]

    def _end(self, delay: int) -> None:
        """Zeros behind the last sample: those that a network is late by, and what is missing to a whole hop."""
        self._append(self._resampler.flush())
        if self.resampled:
            self.padded = delay
            self.padded += -(self.resampled + self.padded) % self._hop
            self._waiting = np.append(self._waiting, np.zeros(self.padded, np.float32))

    def _append(self, wav_N: Floats) -> None:
        self.resampled += len(wav_N)
        self._waiting = np.concatenate((self._waiting, wav_N))
