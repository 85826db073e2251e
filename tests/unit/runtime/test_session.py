"""Any chunks at any rate give what the whole signal gives, and every sample is accounted for."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.audio.resample import resample
from sonant.runtime.engine import Engine
from sonant.runtime.session import LiveSession, Message
from sonant.runtime.slots import Frames, SlotPool

Floats = NDArray[np.float32]


def sound(rate_hz: int, seconds: float, seed: int = 0) -> Floats:
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return (0.3 * np.sin(2 * np.pi * 500 * time * (1 + time)) + 0.01 * rng.standard_normal(len(time))).astype(
        np.float32
    )


def pieces(wav_N: Floats, seed: int, largest: int) -> list[Floats]:
    rng = np.random.default_rng(seed)
    cuts = np.cumsum(rng.integers(0, largest, 3 + 3 * len(wav_N) // largest))
    return np.split(wav_N, cuts[cuts < len(wav_N)])


def drive(pool: SlotPool, session: LiveSession, chunks: list[Floats]) -> tuple[list[Frames], list[Message]]:
    """What a server does with one client."""
    frames: list[Frames] = []
    messages: list[Message] = []

    def step() -> None:
        while (chunk := session.ready()) is not None:
            answer = pool.step({session.slot: chunk})[session.slot]
            frames.append(answer)
            messages.extend(session.take(answer))

    for chunk in chunks:
        session.push(chunk)
        step()
    session.flush()
    step()
    return frames, messages + session.finish()


def open_session(pool: SlotPool, rate_hz: int, **options: bool) -> LiveSession:
    slot = pool.admit()
    assert slot is not None
    return LiveSession(pool, slot, rate_hz, **options)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100, 48000, 7999])
@pytest.mark.parametrize("largest", [3, 400, 30000])
def test_chunks_and_rates_do_not_matter(engine: Engine, rate_hz: int, largest: int) -> None:
    wav_N = sound(rate_hz, 0.7)
    pool = SlotPool(engine, 1)
    session = open_session(pool, rate_hz)
    frames, _ = drive(pool, session, pieces(wav_N, largest, largest))
    logits_FK = np.concatenate([answer.logits_FK for answer in frames])
    whole_N = resample(wav_N, rate_hz, 8000)
    padded_N = np.pad(whole_N, (0, -len(whole_N) % engine.hop))
    wanted_FK = engine.step(padded_N[None], engine.init_state(1))[0][0]
    assert logits_FK.shape == wanted_FK.shape
    np.testing.assert_allclose(logits_FK, wanted_FK, atol=1e-4)
    assert session.received == len(wav_N)
    assert session.resampled == len(whole_N)
    assert session.padded == len(padded_N) - len(whole_N)
    assert session.stepped == len(padded_N)
    assert session.backlog_s == 0
    assert session.audio_s == pytest.approx(len(wav_N) / rate_hz)


def test_the_networks_delay_is_flushed_too(engine: Engine) -> None:
    late = Engine(dataclasses.replace(engine.bundle, info=engine.info.model_copy(update={"latency": 250})))
    session = open_session(SlotPool(late, 1), 8000)
    session.push(sound(8000, 0.1))
    session.flush()
    assert session.padded == 250 + 70
    assert (session.resampled + session.padded) % late.hop == 0


def test_a_long_message_is_cut_so_that_others_get_their_turn(engine: Engine) -> None:
    session = open_session(SlotPool(engine, 1), 8000)
    session.push(sound(8000, 5.0))
    assert session.backlog_s == pytest.approx(5.0)
    sizes: list[int] = []
    while (chunk := session.ready()) is not None:
        sizes.append(len(chunk))
    assert sizes == [1600] * 25


def test_a_client_without_sound_gets_nothing(engine: Engine) -> None:
    pool = SlotPool(engine, 1)
    session = open_session(pool, 48000, scores=True)
    assert drive(pool, session, []) == ([], [])
    assert session.audio_s == 0
    assert session.padded == 0


def test_scores_come_once_a_chunk_and_only_when_asked(engine: Engine) -> None:
    pool = SlotPool(engine, 2)
    chunks = [np.zeros(320, np.float32)] * 5
    _, told = drive(pool, open_session(pool, 8000, scores=True), chunks)
    scores = [message for message in told if message["type"] == "scores"]
    assert [message["t"] for message in scores] == pytest.approx([0.04, 0.08, 0.12, 0.16, 0.2])
    assert all(sum(message["scores"].values()) == pytest.approx(1, abs=1e-5) for message in scores)
    assert set(scores[0]["scores"]) == {"_silence_", "no", "yes"}
    _, quiet = drive(pool, open_session(pool, 8000), chunks)
    assert [message for message in quiet if message["type"] == "scores"] == []


def test_events_are_told_and_end_with_the_sound(engine: Engine) -> None:
    """A rule that any network meets makes an event that is still open at the end."""
    rule = engine.info.events.model_copy(update={"threshold": 0.01, "release": 0.001, "smooth_ms": 10_000.0})
    info = engine.info.model_copy(update={"events": rule.model_copy(update={"smooth_ms": 50.0}), "background": ()})
    pool = SlotPool(Engine(dataclasses.replace(engine.bundle, info=info)), 1)
    session = open_session(pool, 8000)
    _, messages = drive(pool, session, [sound(8000, 0.105)])
    assert messages
    for message in messages:
        assert message["type"] == "event"
        assert 0 <= message["t_start"] <= message["t_end"] <= session.audio_s
        assert message["label"] in engine.info.labels


def test_what_was_pushed_may_be_reused(engine: Engine) -> None:
    session = open_session(SlotPool(engine, 1), 8000)
    buffer = np.ones(160, np.float32)
    session.push(buffer)
    buffer[:] = 0
    chunk = session.ready()
    assert chunk is not None
    assert chunk.all()
