"""What is compared is what can be heard."""

from __future__ import annotations

import pytest

from sonant.metrics.spoken import spoken


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("Hello, World!", "hello world"),
        ("well-known  fact\n", "well known fact"),
        ("don\u2019t 'quote' rock 'n' roll", "don't quote rock n roll"),
        ("Stra\u00dfe \ufb01n", "strasse fin"),
        ("snake_case", "snake case"),
        ("...", ""),
        ("caf\u00e9", "cafe\u0301"),
    ],
)
def test_writing_does_not_matter(written: str, heard: str) -> None:
    assert spoken(written) == spoken(heard)


def test_words_stay() -> None:
    assert spoken("It's 5 o'clock") == "it's 5 o'clock"
