"""Subtitles, text and JSON of a transcript."""

from __future__ import annotations

import json

import pytest

from sonant.runtime.transcribe.formats import FORMS, brief, stamp, usage, verbose
from sonant.runtime.transcribe.heard import Transcript, Utterance, Word

TRANSCRIPT = Transcript(
    "kind/name",
    "en",
    3725.25,
    (
        Utterance(0.5, 1.25, " hello <b>&\n\nyou --> me ", (Word(0.5, 0.8, "hello", 0.9),), -0.5, 0.1),
        Utterance(2.0, 3.0, "  "),
        Utterance(3723.0004, 3723.0004, "bye"),
    ),
)
EMPTY = Transcript("kind/name", "en", 1.0, ())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "00:00:00,000"),
        (0.0004, "00:00:00,000"),
        (0.9996, "00:00:01,000"),
        (59.9999, "00:01:00,000"),
        (3661.5, "01:01:01,500"),
        (360_000.0, "100:00:00,000"),
    ],
)
def test_times_are_rounded_and_carried(seconds: float, text: str) -> None:
    assert stamp(seconds, ",") == text
    assert stamp(seconds, ".") == text.replace(",", ".")


def test_srt() -> None:
    assert FORMS["srt"].render(TRANSCRIPT) == (
        "1\n00:00:00,500 --> 00:00:01,250\nhello <b>& you -> me\n"
        "\n2\n01:02:03,000 --> 01:02:03,001\nbye\n"
    )  # fmt: skip
    assert FORMS["srt"].render(EMPTY) == ""


def test_vtt() -> None:
    assert FORMS["vtt"].render(TRANSCRIPT) == (
        "WEBVTT\n"
        "\n00:00:00.500 --> 00:00:01.250\nhello &lt;b&gt;&amp; you -&gt; me\n"
        "\n01:02:03.000 --> 01:02:03.001\nbye\n"
    )  # fmt: skip
    assert FORMS["vtt"].render(EMPTY) == "WEBVTT\n"


def test_text_and_json() -> None:
    assert FORMS["text"].render(EMPTY) == "\n"
    assert json.loads(FORMS["json"].render(EMPTY)) == {"text": "", "usage": {"type": "duration", "seconds": 1}}
    assert brief(TRANSCRIPT)["text"].endswith("me bye")


def test_verbose_json_has_what_is_asked_for() -> None:
    told = verbose(TRANSCRIPT)
    assert [(one["id"], one["start"], one["end"]) for one in told["segments"]] == [(0, 0.5, 1.25), (1, 3723.0, 3723.0)]
    assert told["segments"][0]["avg_logprob"] == -0.5
    assert "words" not in told
    told = verbose(TRANSCRIPT, ("word",))
    assert told["words"] == [{"word": "hello", "start": 0.5, "end": 0.8}]
    assert "segments" not in told


@pytest.mark.parametrize(("seconds", "counted"), [(0.0, 0), (0.1, 1), (1.0, 1), (1.01, 2)])
def test_seconds_are_counted_upwards(seconds: float, counted: int) -> None:
    assert usage(seconds) == {"type": "duration", "seconds": counted}
