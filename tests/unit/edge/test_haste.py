"""Who is ahead of its time, by a clock of the test's own."""

from __future__ import annotations

import numpy as np

from sonant.edge.haste import AHEAD_S, CREDIT_S, PIECE, Haste

SOUND = np.arange(2.5 * PIECE, dtype=np.float32)


def sizes(haste: Haste) -> list[int]:
    pieces = list(haste.pieces(SOUND))
    np.testing.assert_array_equal(np.concatenate(pieces), SOUND)
    return [len(piece) for piece in pieces]


def test_a_session_in_real_time_is_never_hasty() -> None:
    haste = Haste(100.0)
    for second in range(1000):
        haste.heard(1.0, 100.0 + second + 0.4 * (second % 3))
        assert not haste
    assert sizes(haste) == [len(SOUND)]


def test_what_comes_before_its_time_is_hasty_until_time_has_passed() -> None:
    haste = Haste(0.0)
    haste.heard(AHEAD_S, 0.0)
    assert not haste
    haste.heard(1.0, 0.5)
    assert haste
    assert sizes(haste) == [PIECE, PIECE, PIECE // 2]
    haste.heard(0.0, 1.5)
    assert not haste


def test_what_waited_while_the_server_stood_still_is_not_early() -> None:
    haste = Haste(0.0)
    haste.heard(1.0, 1.0)
    for _ in range(100):
        haste.heard(0.04, 5.0)
        assert not haste


def test_long_silence_is_little_credit() -> None:
    haste = Haste(0.0)
    haste.heard(CREDIT_S + AHEAD_S, 1000.0)
    assert not haste
    haste.heard(0.1, 1000.0)
    assert haste
