"""Cuts a recording of any length into pieces for an engine, at pauses, while it is decoded.

At most two pieces' worth of sound is held. What is decided there stays: later sound never changes an earlier piece.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from sonant.audio.activity import Stretches
from sonant.config.transcribe import Cutting
from sonant.runtime.scores import Floats
from sonant.runtime.transcribe.heard import RATE_HZ
from sonant.runtime.transcribe.speech import Finder

_HUSH_S = 0.1
"""Width of the average that tells where unbroken speech is quietest."""


@dataclass(frozen=True)
class Piece:
    """Sound in which there is speech."""

    start_s: float
    """Where it begins in the recording."""
    wav_N: Floats
    speech: Stretches
    """Where speech is in it, in seconds from its beginning."""


class Cutter:
    """Takes sound, gives pieces."""

    def __init__(self, find: Finder, rule: Cutting) -> None:
        self._find, self._rule = find, rule
        self._parts: list[Floats] = []
        self._held = 0
        self._passed = 0
        """Samples before those that are held."""

    def push(self, wav_N: Floats) -> list[Piece]:
        """Takes any number of samples; the pieces that they complete."""
        pieces: list[Piece] = []
        full = round(2 * self._rule.max_s * RATE_HZ)
        while len(wav_N):
            taken, wav_N = np.split(wav_N, [full - self._held])
            self._parts.append(taken)
            self._held += len(taken)
            if self._held == full:
                pieces += self._cut(last=False)
        return pieces

    def flush(self) -> list[Piece]:
        """The pieces of what is left, once the recording has ended."""
        return self._cut(last=True) if self._held else []

    def _cut(self, *, last: bool) -> list[Piece]:
        wav_N = np.concatenate(self._parts)
        length_s = len(wav_N) / RATE_HZ
        speech = self._find(wav_N)
        packs = pack(speech, self._rule, lambda start_s, end_s: hush(wav_N, start_s, end_s))
        ranges = padded(packs, self._rule, length_s)
        done_s = length_s
        if not last:
            # Speech near the end may go on, and a pause there may be short: both wait for what comes.
            open_s = length_s - self._rule.join_s
            ready = sum(end_s <= open_s for _, end_s in packs)
            before_s = ranges[ready - 1][1] if ready else 0.0
            done_s = ranges[ready][0] if ready < len(ranges) else max(before_s, open_s - self._rule.pad_s)
            ranges = ranges[:ready]
        pieces = [self._piece(wav_N, speech, start_s, end_s) for start_s, end_s in ranges]
        done = round(done_s * RATE_HZ)
        self._parts, self._held = [wav_N[done:].copy()], len(wav_N) - done
        self._passed += done
        return pieces

    def _piece(self, wav_N: Floats, speech: Stretches, start_s: float, end_s: float) -> Piece:
        start, end = round(start_s * RATE_HZ), round(end_s * RATE_HZ)
        inside = [(max(a, start_s) - start_s, min(b, end_s) - start_s) for a, b in speech if a < end_s and b > start_s]
        return Piece((self._passed + start) / RATE_HZ, wav_N[start:end].copy(), inside)


class Hush(Protocol):
    def __call__(self, start_s: float, end_s: float) -> float: ...


def pack(speech: Stretches, rule: Cutting, quietest: Hush) -> Stretches:
    """Stretches joined over short pauses, none longer than a piece may be; a longer one is cut where it is quietest."""
    packs: Stretches = []
    room_s = rule.max_s - 2 * rule.pad_s
    for start_s, end_s in speech:
        if packs and start_s - packs[-1][1] < rule.join_s and end_s - packs[-1][0] <= room_s:
            start_s = packs.pop()[0]
        while end_s - start_s > room_s:
            at_s = quietest(start_s + room_s / 2, start_s + room_s)
            packs.append((start_s, at_s))
            start_s = at_s
        packs.append((start_s, end_s))
    return packs


def padded(packs: Stretches, rule: Cutting, length_s: float) -> Stretches:
    """Stretches with some sound around them, which neighbours do not share."""
    edges_s = [0.0, *((a[1] + b[0]) / 2 for a, b in pairwise(packs)), length_s]
    return [
        (max(edges_s[at], start_s - rule.pad_s), min(edges_s[at + 1], end_s + rule.pad_s))
        for at, (start_s, end_s) in enumerate(packs)
    ]


def hush(wav_N: Floats, start_s: float, end_s: float) -> float:
    """The quietest moment between two times."""
    width = round(_HUSH_S * RATE_HZ)
    part_N = wav_N[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)].astype(np.float64)
    sum_N = np.cumsum(np.concatenate(([0.0], part_N**2)))
    return start_s + (int(np.argmin(sum_N[width:] - sum_N[:-width])) + width / 2) / RATE_HZ
