"""Sound between two clocks: in order, bounded, and honest about what was lost."""

from __future__ import annotations

from threading import Thread

import numpy as np
import pytest

from sonant.audio.samples import Wav
from sonant.listen.ring import Ring


def count(first: int, last: int) -> Wav:
    return np.arange(first, last, dtype=np.float32)


def test_what_is_pushed_is_pulled_in_other_pieces() -> None:
    ring = Ring(100)
    for start in range(0, 60, 20):
        ring.push(count(start, start + 20))
    np.testing.assert_array_equal(np.concatenate([ring.pull(7) for _ in range(8)]), count(0, 56))
    assert (ring.waiting, ring.lost, ring.gaps) == (4, 0, 0)


def test_what_piles_up_is_lost_from_its_beginning() -> None:
    ring = Ring(50)
    ring.push(count(0, 40))
    ring.push(count(40, 75))
    assert (ring.waiting, ring.lost) == (50, 25)
    np.testing.assert_array_equal(ring.pull(50), count(25, 75))


def test_a_gap_is_silence_until_enough_waits_again() -> None:
    ring = Ring(100, start=20)
    ring.push(count(1, 11))
    assert not ring.pull(10).any()
    assert ring.gaps == 0
    ring.push(count(11, 21))
    np.testing.assert_array_equal(ring.pull(15), count(1, 16))
    assert not ring.pull(10).any()
    assert ring.gaps == 1
    ring.push(count(21, 41))
    np.testing.assert_array_equal(ring.pull(10), count(16, 26))


def test_the_end_is_played_and_no_gap() -> None:
    ring = Ring(100, start=50)
    ring.push(count(1, 11))
    ring.end()
    np.testing.assert_array_equal(ring.pull(16), np.concatenate([count(1, 11), np.zeros(6)]))
    assert not ring.pull(16).any()
    assert ring.gaps == 0
    assert len(ring.next()) == 0


@pytest.mark.timeout(20)
def test_a_worker_waits_for_what_comes() -> None:
    ring, heard = Ring(1000), list[Wav]()

    def work() -> None:
        while len(chunk_N := ring.next()):
            heard.append(chunk_N)

    worker = Thread(target=work)
    worker.start()
    for start in range(0, 300, 30):
        ring.push(count(start, start + 30))
    ring.wait_until_empty(10)
    ring.end()
    worker.join()
    np.testing.assert_array_equal(np.concatenate(heard), count(0, 300))
