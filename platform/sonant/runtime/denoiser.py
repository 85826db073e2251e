"""A bundle that takes noise out of speech: files of any length, long ones piece by piece, and steps of live sound.

`dry` is the share of what went in that is mixed with what comes out, sample by sample: 0 is the network alone, 1 is
what went in. Shapes: B recordings or rows, N samples.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from sonant.errors import AudioError, ModelError
from sonant.runtime.bundle import Bundle
from sonant.runtime.graph import PROVIDERS, State
from sonant.runtime.scores import Floats
from sonant.runtime.sounds import WHOLE_S, SoundEngine

_WINDOW_S = 20.0
"""Length of the windows that a long file goes through a network in which needs recordings whole."""
_FADE_S = 1.0
"""Overlap in which one window fades into the next."""


class EnhanceEngine(SoundEngine):
    """Runs the graphs of an enhancement bundle."""

    def __init__(self, bundle: Bundle, *, threads: int = 1, providers: Sequence[str] = PROVIDERS) -> None:
        if bundle.info.enhance is None:
            raise ModelError("model.unknown", f"{bundle.info.id} takes no noise out of speech")
        super().__init__(bundle, threads=threads, providers=providers)

    def enhance(self, noisy_N: Floats, *, dry: float = 0.0) -> Floats:
        """One recording of any length, as long and aligned."""
        if not len(noisy_N):
            raise AudioError("audio.empty", "the recording holds no samples")
        return np.concatenate(list(self.enhance_pieces([noisy_N], dry=dry)))

    def enhance_rows(self, noisy_BN: Floats) -> Floats:
        """Several recordings of one length, as a network sees them in evaluation."""
        return self.whole(noisy_BN).wav_BN

    def enhance_pieces(self, pieces: Iterable[Floats], *, dry: float = 0.0) -> Iterator[Floats]:
        """A recording in pieces of any lengths -> the same in other pieces, in bounded memory."""
        assert 0 <= dry <= 1, "a share"
        waiting: deque[Floats] = deque()

        def told() -> Iterator[Floats]:
            for piece_N in pieces:
                if dry:
                    waiting.append(piece_N)
                yield piece_N

        given = self._live(told()) if self.live else windows(told(), self.info.sample_rate_hz, self._cleaned)
        for wav_N in given:
            yield mixed(_taken(waiting, len(wav_N)), wav_N, dry) if dry else wav_N

    def step(self, chunk_BN: Floats, state: State) -> tuple[Floats, State]:
        """N = F * hop new samples of each row -> as many, `latency` samples behind, and the state after them."""
        sound, after = self.advance(chunk_BN, state)
        return sound.wav_BN, after

    def ending(self, state: State, hops: int) -> Floats:
        """The last `latency` samples of streams that end after so many hops, at least one."""
        return self.rest(state, hops)

    def _cleaned(self, noisy_N: Floats) -> Floats:
        return self.whole(noisy_N[None]).wav_BN[0]

    def _live(self, pieces: Iterable[Floats]) -> Iterator[Floats]:
        for sound in self.stream(piece_N[None] for piece_N in pieces):
            if sound.wav_BN.shape[1]:
                yield sound.wav_BN[0]


def windows(pieces: Iterable[Floats], rate_hz: int, clean: Callable[[Floats], Floats]) -> Iterator[Floats]:
    """A recording in pieces, for a `clean` that needs all of what it gets: whole where it fits; else windows, each of
    which fades into the next. At most WHOLE_S seconds and a piece are held."""
    waiting_N, tail_N = np.zeros(0, np.float32), np.zeros(0, np.float32)
    window, fade = int(_WINDOW_S * rate_hz), int(_FADE_S * rate_hz)
    for piece_N in pieces:
        waiting_N = np.concatenate([waiting_N, piece_N])
        while len(waiting_N) > int(WHOLE_S * rate_hz):
            wav_N = _faded_in(clean(waiting_N[:window]), tail_N)
            tail_N = wav_N[window - fade :]
            waiting_N = waiting_N[window - fade :]
            yield wav_N[: window - fade]
    if len(waiting_N):
        yield _faded_in(clean(waiting_N), tail_N)


def _faded_in(wav_N: Floats, tail_N: Floats) -> Floats:
    """A window that begins as the one before it ended."""
    fade = len(tail_N)
    rise_N = np.linspace(0, 1, fade, dtype=np.float32)
    return np.concatenate([mixed(tail_N, wav_N[:fade], 1 - rise_N), wav_N[fade:]])


def mixed(dry_N: Floats, wet_N: Floats, dry: float | Floats) -> Floats:
    """dry * what went in + (1 - dry) * what came out."""
    return (dry * dry_N + (1 - dry) * wet_N).astype(np.float32)


def _taken(waiting: deque[Floats], samples: int) -> Floats:
    """The first so many samples of a queue, which are taken off it."""
    parts: list[Floats] = []
    while samples:
        piece_N = waiting.popleft()
        parts.append(piece_N[:samples])
        if len(piece_N) > samples:
            waiting.appendleft(piece_N[samples:])
        samples -= len(parts[-1])
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
