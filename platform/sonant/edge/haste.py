"""Live sessions that send faster than anybody speaks: files as a rule, floods at worst.

They are answered as fast as the machine can, but not at the cost of those that are live. Whoever is ahead of its time
hands in small pieces and takes turns with the others that are: so a live chunk waits for one such piece at most, and
fifty senders slow each other down instead of everybody.
"""

from __future__ import annotations

from collections.abc import Iterator

from sonant.audio.samples import Wav

AHEAD_S = 1.0
"""Sound that a session may send before its time: what a network held back, or the last message of a long one."""
CREDIT_S = 5.0
"""Time of its own that a session may make up for: what waited while we or the network stood still is not early."""
PIECE = 1 << 10
"""Samples that a session hands in at once while it is ahead: 64 ms at 16 kHz."""


class Haste:
    """How far one session is ahead of its time; `now` is in seconds of any clock."""

    def __init__(self, now: float) -> None:
        self._ahead_s, self._at = 0.0, now

    def heard(self, seconds: float, now: float) -> None:
        """So much sound has come in by now."""
        self._ahead_s, self._at = max(-CREDIT_S, self._ahead_s - (now - self._at)) + seconds, now

    def __bool__(self) -> bool:
        """Whether it is too far ahead."""
        return self._ahead_s > AHEAD_S

    def pieces(self, wav_N: Wav) -> Iterator[Wav]:
        """What is handed in at once: all of it, or one small piece after the other."""
        size = PIECE if self else max(1, len(wav_N))
        return (wav_N[start : start + size] for start in range(0, len(wav_N), size))
