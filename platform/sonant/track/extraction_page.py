"""The part of a run's page that is about an extraction network: its figures, and the mixtures that gained least."""

from __future__ import annotations

from typing import Any

from sonant.audio.decode import decode
from sonant.track import files
from sonant.track.page.html import Html, data_uri, number, section, tag
from sonant.track.page.png import spectrogram

FILE = "worst_mixtures.json"
_LONGEST_S = 600.0
_ORDER = ("mixture", "output", "target", "reference")


def extraction(review: str) -> Html:
    """The section about the review folder of such a run."""
    rows: list[dict[str, Any]] = files.read_json(files.join(review, FILE))
    cards = [_card(review, row) for row in rows]
    about = "The validation mixtures that gained least, worst first: listen to what was asked for, and what came out."
    return section("Worst mixtures", tag("div", *cards, cls="sounds"), about=about) if cards else Html("")


def _card(review: str, row: dict[str, Any]) -> Html:
    sounds = [_sound(what, files.read_bytes(files.join(review, row["files"][what]))) for what in _ORDER]
    words = f"{number(row['si_sdri'])} dB, speaker {row['speaker']}, {row['id']}"
    return tag("div", *sounds, tag("small", words), cls="card")


def _sound(what: str, wav: bytes) -> Html:
    # The rate that pictures are drawn at does not matter to what is heard.
    rate_hz = 16_000
    picture = data_uri(spectrogram(decode(wav, rate_hz=rate_hz, max_s=_LONGEST_S), rate_hz), "image/png")
    return tag(
        "div",
        tag("b", what),
        tag("img", src=picture, alt=f"spectrogram of the {what}"),
        tag("audio", "", controls="controls", preload="metadata", src=data_uri(wav, "audio/wav")),
    )
