"""Pieces of long recordings: at pauses, with global times, and never much sound in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.config.transcribe import Cutting
from sonant.runtime.transcribe.cut import Cutter, Piece, hush, pack, padded
from sonant.runtime.transcribe.heard import RATE_HZ
from sonant.runtime.transcribe.speech import by_loudness

Floats = NDArray[np.float32]
RULE = Cutting(max_s=10)


def bursts(spans: list[tuple[float, float]], length_s: float, seed: int = 0) -> Floats:
    """Loud stretches in faint noise, as loud and soft as syllables are."""
    rng = np.random.default_rng(seed)
    wav_N = 1e-3 * rng.standard_normal(round(length_s * RATE_HZ))
    for start_s, end_s in spans:
        part = slice(round(start_s * RATE_HZ), round(end_s * RATE_HZ))
        time_s = np.arange(len(wav_N[part])) / RATE_HZ
        wav_N[part] += 0.2 * (0.2 + np.abs(np.sin(4 * np.pi * time_s))) * rng.standard_normal(len(time_s))
    return wav_N.astype(np.float32)


def cut(parts: Iterator[Floats] | list[Floats], rule: Cutting = RULE) -> list[Piece]:
    cutter = Cutter(by_loudness, rule)
    return [piece for wav_N in parts for piece in cutter.push(wav_N)] + cutter.flush()


def test_pieces_hold_the_speech_and_know_where_it_was() -> None:
    spans = [(1.0, 3.0), (3.3, 4.0), (8.0, 9.5), (21.0, 22.0), (39.5, 41.0)]
    pieces = cut([bursts(spans, 45.0)])
    found = [(piece.start_s, piece.start_s + len(piece.wav_N) / RATE_HZ) for piece in pieces]
    assert np.allclose(found, [(0.8, 4.2), (7.8, 9.7), (20.8, 22.2), (39.3, 41.2)], atol=0.08)
    assert [len(piece.speech) for piece in pieces] == [2, 1, 1, 1]


@pytest.mark.parametrize("size", [1000, 16_000, 10**7])
def test_how_sound_arrives_changes_nothing(size: int) -> None:
    wav_N = bursts([(at, at + 2.0) for at in np.arange(0.5, 70.0, 3.1)], 75.0)
    parts = [wav_N[start : start + size] for start in range(0, len(wav_N), size)]
    one, other = cut([wav_N]), cut(parts)
    assert [piece.start_s for piece in one] == [piece.start_s for piece in other]
    assert all(np.array_equal(a.wav_N, b.wav_N) for a, b in zip(one, other, strict=True))


def test_every_piece_fits_and_no_speech_is_lost_or_doubled() -> None:
    # 47 s without a pause, but with quiet moments.
    wav_N = bursts([(1.0, 48.0)], 50.0)
    quiet = [7.0, 15.5, 22.0, 30.0, 38.0]
    for at_s in quiet:
        wav_N[round((at_s - 0.06) * RATE_HZ) : round((at_s + 0.06) * RATE_HZ)] *= 0.02
    pieces = cut([wav_N])
    assert max(len(piece.wav_N) for piece in pieces) <= RULE.max_s * RATE_HZ
    edges = [round(piece.start_s * RATE_HZ) for piece in pieces]
    ends = [start + len(piece.wav_N) for start, piece in zip(edges, pieces, strict=True)]
    assert ends[:-1] == edges[1:], "pieces of unbroken speech touch"
    assert edges[0] <= 1.0 * RATE_HZ
    assert ends[-1] >= 48.0 * RATE_HZ
    assert all(min(abs(edge / RATE_HZ - at) for at in quiet) < 0.1 for edge in edges[1:-1])


@pytest.mark.parametrize("kind", ["zeros", "hiss", "faint"])
def test_where_nobody_speaks_there_are_no_pieces(kind: str) -> None:
    level = {"zeros": 0.0, "hiss": 0.1, "faint": 2e-5}[kind]
    wav_N = (level * np.random.default_rng(0).standard_normal(25 * RATE_HZ)).astype(np.float32)
    assert cut([wav_N]) == []


def test_memory_does_not_grow_with_the_recording() -> None:
    def parts(seconds: int) -> Iterator[Floats]:
        for number in range(seconds // 5):
            yield bursts([(0.5, 3.0)], 5.0, seed=number)

    def peak(seconds: int) -> tuple[int, int]:
        tracemalloc.start()
        cutter, count = Cutter(by_loudness, RULE), 0
        for wav_N in parts(seconds):
            count += len(cutter.push(wav_N))
        count += len(cutter.flush())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most, count

    (short, _), (long, pieces) = peak(60), peak(600)
    assert pieces == 120
    assert long < 1.2 * short


def test_packs_and_their_edges() -> None:
    middle = lambda start_s, end_s: (start_s + end_s) / 2  # noqa: E731
    assert pack([(0, 1), (1.2, 2), (5, 6)], RULE, middle) == [(0, 2), (5, 6)]
    assert np.allclose(pack([(0, 25)], RULE, middle), [(0, 7.2), (7.2, 14.4), (14.4, 21.6), (21.6, 25)])
    assert padded([(0.1, 2), (2.2, 6)], RULE, 6.1) == [(0.0, 2.1), (2.1, 6.1)]


def test_the_quietest_moment() -> None:
    wav_N = np.full(3 * RATE_HZ, 0.5, np.float32)
    wav_N[round(1.95 * RATE_HZ) : round(2.05 * RATE_HZ)] = 0
    assert hush(wav_N, 1.0, 3.0) == pytest.approx(2.0, abs=0.001)
