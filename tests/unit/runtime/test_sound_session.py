"""A live stream that is answered with sound: hard input, and one that goes on and on."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.runtime.bundle import open_bundle
from sonant.runtime.sound_session import SoundSession
from sonant.runtime.voice_slots import VoicePool
from sonant.runtime.voices import VoiceEngine

Floats = NDArray[np.float32]
RATE_HZ = 4000


@pytest.fixture
def pool(extract_bundle: Path) -> VoicePool:
    return VoicePool(VoiceEngine(open_bundle(extract_bundle), providers=("CPUExecutionProvider",)), 2)


def noise(seed: int, samples: int, level: float = 0.1) -> Floats:
    return (level * np.random.default_rng(seed).standard_normal(samples)).astype(np.float32)


def opened(pool: VoicePool, rate_hz: int = RATE_HZ) -> SoundSession:
    slot = pool.follow(pool.engine.enroll([noise(1, 900)]))
    assert slot is not None
    return SoundSession(pool, slot, rate_hz)


def stepped(pool: VoicePool, session: SoundSession) -> list[Floats]:
    heard: list[Floats] = []
    while (chunk_N := session.ready()) is not None:
        heard.append(session.take(pool.step({session.slot: chunk_N})[session.slot]))
    return heard


def heard(pool: VoicePool, wav_N: Floats, size: int = 500) -> Floats:
    """All that a session gives for a recording in chunks."""
    session, parts = opened(pool), list[Floats]()
    for start in range(0, len(wav_N), size):
        session.push(wav_N[start : start + size])
        parts += stepped(pool, session)
    session.flush()
    parts += [*stepped(pool, session), session.finish()]
    pool.release(session.slot)
    return np.concatenate(parts)


HARD = {
    "silence": np.zeros(3001, np.float32),
    "one click": np.eye(1, 3001, 1500, dtype=np.float32)[0],
    "direct current": np.ones(3001, np.float32),
    "clipped": np.sign(noise(2, 3001)),
    "almost nothing": noise(3, 3001, 1e-30),
    "speech between silences": np.concatenate([np.zeros(1000, np.float32), noise(4, 1001), np.zeros(1000, np.float32)]),
}


@pytest.mark.parametrize("case", HARD)
def test_hard_input_gives_finite_sound_of_its_length(pool: VoicePool, case: str) -> None:
    given_N = heard(pool, HARD[case])
    assert len(given_N) == 3001
    assert np.isfinite(given_N).all()
    assert np.abs(given_N).max() < 100


@pytest.mark.parametrize("case", ["silence", "clipped"])
def test_hard_input_leaves_nothing_behind_for_the_next(pool: VoicePool, case: str) -> None:
    before_N = heard(pool, noise(5, 1000))
    heard(pool, HARD[case])
    np.testing.assert_array_equal(heard(pool, noise(5, 1000)), before_N)


def test_a_long_stream_keeps_nothing_of_what_is_over(pool: VoicePool) -> None:
    """Two minutes at another rate, in chunks of 50 ms: after the first seconds, memory does not grow."""
    session, chunk_N = opened(pool, 2 * RATE_HZ), noise(6, 400)
    grown = 0
    tracemalloc.start()
    try:
        for turn in range(2400):
            session.push(chunk_N)
            stepped(pool, session)
            assert session.backlog_s < 0.1
            if turn == 100:
                grown = -tracemalloc.get_traced_memory()[0]
        grown += tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert grown < 20_000, f"{grown} bytes more"
    assert session.given >= 119 * RATE_HZ
