"""Streams that share a batch never hear each other, whoever comes and goes, and whenever."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.runtime.engine import Engine
from sonant.runtime.graph import State
from sonant.runtime.slots import Frames, Slot, SlotPool

Floats = NDArray[np.float32]


def sentinel(engine: Engine, seed: int, hops: int) -> Floats:
    """A tone that no other client has, over noise: in empty bands the logarithm would blow rounding up."""
    time = np.arange(hops * engine.hop) / engine.info.sample_rate_hz
    noise = 1e-2 * np.random.default_rng(seed).standard_normal(len(time))
    return (0.5 * np.sin(2 * np.pi * (150 + 37 * seed) * time) + noise).astype(np.float32)


def alone(engine: Engine, wav_N: Floats) -> Floats:
    return engine.step(wav_N[None], engine.init_state(1))[0][0]


@dataclass
class Client:
    slot: Slot
    wav_N: Floats
    at: int = 0
    heard: list[Floats] = field(default_factory=list)


def test_random_joins_and_leaves_never_leak(engine: Engine) -> None:
    rng = np.random.default_rng(0)
    pool = SlotPool(engine, 5)
    clients: dict[Slot, Client] = {}
    compared = 0
    for turn in range(2000):
        if rng.random() < 0.2 and (slot := pool.admit()) is not None:
            clients[slot] = Client(slot, sentinel(engine, turn % 50, int(rng.integers(20, 60))))
        ready: dict[Slot, Floats] = {}
        for slot, client in clients.items():
            size = int(rng.integers(1, 4)) * engine.hop
            if rng.random() < 0.7 and client.at + size <= len(client.wav_N):
                ready[slot] = client.wav_N[client.at : client.at + size]
                client.at += size
        for slot, frames in pool.step(ready).items():
            clients[slot].heard.append(frames.logits_FK)
        for slot, client in list(clients.items()):
            if client.at + 3 * engine.hop > len(client.wav_N) or rng.random() < 0.01:
                pool.release(slot)
                del clients[slot]
                if client.at:
                    wanted = alone(engine, client.wav_N[: client.at])
                    np.testing.assert_allclose(np.concatenate(client.heard), wanted, atol=1e-5)
                    compared += 1
    assert compared > 100
    assert pool.used == len(clients)


def test_probabilities_and_events_come_with_the_logits(engine: Engine) -> None:
    pool = SlotPool(engine, 2)
    slot = pool.admit()
    assert slot is not None
    (frames,) = pool.step({slot: sentinel(engine, 1, 6)}).values()
    assert frames.logits_FK.shape == frames.probability_FK.shape == (6, 3)
    np.testing.assert_allclose(frames.probability_FK.sum(1), 1, atol=1e-5)
    assert frames.events == []
    assert pool.events.frames(slot.row) == 6


def test_a_full_pool_says_so_and_a_slot_can_be_given_back_once(engine: Engine) -> None:
    pool = SlotPool(engine, 2)
    first, second = pool.admit(), pool.admit()
    assert first is not None
    assert second is not None
    assert pool.admit() is None
    assert pool.used == 2
    pool.release(first)
    pool.release(first)
    assert pool.used == 1
    again = pool.admit()
    assert again is not None
    assert again.row == first.row
    assert again != first
    assert pool.admit() is None


def test_a_slot_that_was_given_back_is_not_stepped(engine: Engine) -> None:
    pool = SlotPool(engine, 1)
    old = pool.admit()
    assert old is not None
    pool.release(old)
    new = pool.admit()
    assert new is not None
    wav_N = sentinel(engine, 3, 8)
    assert pool.step({old: sentinel(engine, 9, 4)}) == {}
    assert pool.flush(old) == []
    answers = pool.step({old: sentinel(engine, 9, 8), new: wav_N})
    assert set(answers) == {new}
    np.testing.assert_allclose(answers[new].logits_FK, alone(engine, wav_N), atol=1e-5)


def test_the_next_owner_starts_at_time_zero(engine: Engine) -> None:
    pool = SlotPool(engine, 1)
    for _ in range(2):
        slot = pool.admit()
        assert slot is not None
        assert pool.events.frames(slot.row) == 0
        pool.step({slot: sentinel(engine, 2, 7)})
        assert pool.events.frames(slot.row) == 7
        pool.release(slot)


class Interrupted(Engine):
    """Runs something between the gathering and the scattering of states, as another thread may."""

    meanwhile = staticmethod(lambda: None)

    def step(self, chunk_BN: Floats, state: State) -> tuple[Floats, State]:
        answer = super().step(chunk_BN, state)
        self.meanwhile()
        return answer


def test_a_late_answer_never_reaches_the_next_owner(engine: Engine) -> None:
    interrupted = Interrupted(engine.bundle)
    pool = SlotPool(interrupted, 2)
    leaving, staying = pool.admit(), pool.admit()
    assert leaving is not None
    assert staying is not None
    new: list[Slot | None] = []

    def swap() -> None:
        pool.release(leaving)
        new.append(pool.admit())

    interrupted.meanwhile = swap
    answers = pool.step({leaving: sentinel(engine, 5, 4), staying: sentinel(engine, 6, 4)})
    interrupted.meanwhile = lambda: None
    assert set(answers) == {staying}
    np.testing.assert_allclose(answers[staying].logits_FK, alone(engine, sentinel(engine, 6, 4)), atol=1e-5)
    (slot,) = new
    assert slot is not None
    assert slot.row == leaving.row
    wav_N = sentinel(engine, 7, 5)
    assert pool.events.frames(slot.row) == 0
    np.testing.assert_allclose(pool.step({slot: wav_N})[slot].logits_FK, alone(engine, wav_N), atol=1e-5)


def test_chunks_of_different_lengths_are_stepped_together(engine: Engine) -> None:
    pool = SlotPool(engine, 4)
    ready = {slot: sentinel(engine, hops, hops) for hops in (3, 1, 5, 3, 2) if (slot := pool.admit()) is not None}
    assert len(ready) == 4
    answers: dict[Slot, Frames] = pool.step(ready)
    for slot, wav_N in ready.items():
        np.testing.assert_allclose(answers[slot].logits_FK, alone(engine, wav_N), atol=1e-5)
    assert pool.step({}) == {}


def test_part_of_a_hop_is_our_mistake(engine: Engine) -> None:
    pool = SlotPool(engine, 1)
    slot = pool.admit()
    assert slot is not None
    for samples in (0, engine.hop - 1, engine.hop + 1):
        with pytest.raises(AssertionError):
            pool.step({slot: np.zeros(samples, np.float32)})
