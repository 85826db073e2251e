"""Sound between two clocks: a device's callback on one side, a worker on the other, and a bounded wait between them."""

from __future__ import annotations

from collections import deque
from threading import Condition

import numpy as np

from sonant.audio.samples import Wav


class Ring:
    """At most `most` samples wait; what is older than those is lost and counted, so that sound never falls behind for
    good. Either side may be a callback: nothing waits there, and the lock is held for a copy only."""

    def __init__(self, most: int, start: int = 0) -> None:
        """Whoever pulls gets silence until `start` samples wait, again after every gap."""
        self._most, self._start = most, start
        self._chunks: deque[Wav] = deque()
        self._there = Condition()
        self._flowing = self._ended = False
        self.waiting = 0
        self.lost = 0
        """Samples that came and went unheard: the worker is too slow, or the device."""
        self.gaps = 0
        """Times that a pull found too little."""

    def push(self, wav_N: Wav) -> None:
        """The newest samples."""
        with self._there:
            self._chunks.append(wav_N)
            self.waiting += len(wav_N)
            if self.waiting > self._most:
                self.lost += self.waiting - self._most
                self._take(self.waiting - self._most)
            self._there.notify()

    def pull(self, samples: int) -> Wav:
        """The oldest samples, exactly so many; silence in place of those that are not there."""
        with self._there:
            if self._flowing and self.waiting < samples and not self._ended:
                self.gaps += 1
                self._flowing = False
            self._flowing = self._flowing or self._ended or self.waiting >= max(self._start, samples)
            wav_N = self._take(min(samples, self.waiting)) if self._flowing else np.zeros(0, np.float32)
            self._there.notify()
        return np.pad(wav_N, (0, samples - len(wav_N)))

    def next(self) -> Wav:
        """The oldest of what was pushed at once; waits until there is something. Nothing once it has ended."""
        with self._there:
            self._there.wait_for(lambda: self.waiting or self._ended)
            return self._take(len(self._chunks[0]) if self._chunks else 0)

    def end(self) -> None:
        """Nothing more is pushed."""
        with self._there:
            self._ended = True
            self._there.notify_all()

    def wait_until_empty(self, timeout_s: float) -> None:
        """Until all that waits was pulled."""
        with self._there:
            self._there.wait_for(lambda: not self.waiting, timeout_s)

    def _take(self, samples: int) -> Wav:
        parts: list[Wav] = []
        self.waiting -= samples
        while samples:
            chunk_N = self._chunks.popleft()
            if len(chunk_N) > samples:
                self._chunks.appendleft(chunk_N[samples:])
            parts.append(chunk_N[:samples])
            samples -= len(parts[-1])
        return np.concatenate(parts) if parts else np.zeros(0, np.float32)
