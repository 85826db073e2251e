"""What a decoder process says, cut anywhere; and what none of ours would say."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sonant.audio.sandbox_wire import HEAD, PART_SAMPLES, Inbox, Part, packed
from sonant.errors import AudioError

ONE, TWO = np.arange(5, dtype=np.float32), np.ones(3, np.float32)


def test_answers_come_out_whole_however_they_are_cut() -> None:
    said = packed({"more": 1}, ONE.tobytes()) + packed({}, TWO.tobytes())
    for size in (1, 7, len(said)):
        inbox, parts = Inbox(100), []
        for start in range(0, len(said), size):
            inbox.feed(said[start : start + size])
            while (part := inbox.next()) is not None:
                parts.append(part)
        assert [part.more for part in parts] == [True, False]
        np.testing.assert_array_equal(np.concatenate([part.wav_N for part in parts]), np.concatenate([ONE, TWO]))


NONSENSE = {
    "the end": b"",
    "a head without end": HEAD.pack(1 << 30, 0),
    "more samples than fit": HEAD.pack(2, 4 * PART_SAMPLES + 4),
    "half a sample": HEAD.pack(2, 3) + b"{}abc",
    "no json": HEAD.pack(2, 0) + b"\xff{",
    "no mapping": HEAD.pack(2, 0) + b"[]",
    "an error of its own": packed({"code": "audio.sorcery"}),
    "longer than it may be": packed({}, bytes(4 * 11)),
}


def hear(inbox: Inbox, data: bytes) -> Part | None:
    inbox.feed(data)
    return inbox.next()


@pytest.mark.parametrize("case", NONSENSE)
def test_nonsense_is_a_crash(case: str) -> None:
    with pytest.raises(EOFError):
        hear(Inbox(10), NONSENSE[case])


def test_errors_and_bugs_are_raised() -> None:
    inbox = Inbox(10)
    inbox.feed(packed({"code": "audio.too_long", "message": "longer than 1 s", "hint": "cut it"}))
    with pytest.raises(AudioError, match="longer than 1 s") as caught:
        inbox.next()
    assert (caught.value.code, caught.value.hint) == ("audio.too_long", "cut it")
    inbox.feed(packed({"bug": "KeyError: 'x'"}))
    with pytest.raises(RuntimeError, match="KeyError"):
        inbox.next()


def test_heads_are_json() -> None:
    head_size, body_size = HEAD.unpack_from(packed({"end": 1}, b"abc"))
    assert json.loads(packed({"end": 1}, b"abc")[HEAD.size : HEAD.size + head_size]) == {"end": 1}
    assert body_size == 3
