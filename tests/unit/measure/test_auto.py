"""From which noise on cleaning pays: chosen by piece, never worse where it is chosen, and not on a lucky word."""

from __future__ import annotations

import random

import pytest

from sonant.measure.auto import Twice, auto_text, threshold
from sonant.metrics.wer import word_edits

RIGHT, WRONG = "one two", "no no"


def recording(*pieces: tuple[float, str, str]) -> list[Twice]:
    return [Twice(*piece) for piece in pieces]


def test_each_piece_has_its_own_choice() -> None:
    pieces = recording((3.0, "a", "b"), (12.0, "c", "d"), (5.0, "", "e"))
    assert auto_text(pieces, None) == "a c"
    assert auto_text(pieces, 4.0) == "b c"
    assert auto_text(pieces, 6.0) == "b c e"
    assert auto_text(pieces, float("inf")) == "b d e"


@pytest.mark.parametrize(
    ("snr_db", "off", "on", "below_db"),
    [
        ([0, 5, 10, 20], [WRONG, WRONG, RIGHT, RIGHT], [RIGHT, RIGHT, RIGHT, WRONG], 7.5),
        ([0, 5], [WRONG, WRONG], [WRONG, WRONG], None),
        ([0, 5], [RIGHT, RIGHT], [WRONG, WRONG], None),
        ([0, 5], [WRONG, WRONG], [RIGHT, RIGHT], 5.5),
        ([5, 5, 10], [WRONG, RIGHT, RIGHT], [RIGHT, WRONG, WRONG], None),
    ],
)
def test_the_ratio_with_the_fewest_errors(
    snr_db: list[float], off: list[str], on: list[str], below_db: float | None
) -> None:
    """The same recordings by eight speakers, so that what is gained is sure."""
    recordings = [recording(one) for one in zip(snr_db, off, on, strict=True)] * 8
    speakers = [number // len(snr_db) for number in range(len(recordings))]
    assert threshold(recordings, [RIGHT] * len(recordings), speakers) == below_db


def test_pieces_of_one_recording_are_told_apart() -> None:
    """Taken as a whole, with one ratio, this recording would be cleaned or not: half of it would be wrong."""
    recordings = [recording((0.0, "no", "one"), (20.0, "two", "no"))] * 4
    below_db = threshold(recordings, [RIGHT] * 4)
    assert below_db == 10.0
    assert auto_text(recordings[0], below_db) == RIGHT


def test_one_lucky_speaker_is_not_enough() -> None:
    lucky = [recording((0.0, WRONG, RIGHT))]
    others = [recording((0.0, RIGHT, RIGHT))] * 9
    assert threshold(lucky + others, [RIGHT] * 10, range(10)) is None
    assert threshold(lucky * 10, [RIGHT] * 10, range(10)) == 0.5


def test_it_is_never_worse_than_off_where_it_was_chosen() -> None:
    generator = random.Random(0)
    chosen = 0
    for _ in range(20):
        count = generator.randrange(1, 9)
        recordings = [
            recording((generator.randrange(5), generator.choice([RIGHT, WRONG, ""]), generator.choice([RIGHT, "one"])))
            for _ in range(count)
        ]
        below_db = threshold(recordings, [RIGHT] * count)
        off, auto = (
            sum(word_edits(RIGHT, auto_text(pieces, at)).errors for pieces in recordings) for at in (None, below_db)
        )
        assert auto <= off
        assert below_db is None or auto < off
        chosen += below_db is not None
    assert 0 < chosen < 20


def test_nothing_heard_nothing_chosen() -> None:
    assert threshold([[]], [RIGHT]) is None
