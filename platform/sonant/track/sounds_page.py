"""The parts of a run's page about a network whose answer is sound: what gained least, and the same few items as
training went on, to see and hear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sonant.audio.decode import decode
from sonant.track import files
from sonant.track.events import Event
from sonant.track.page.html import Html, data_uri, number, section, tag
from sonant.track.page.png import spectrogram
from sonant.track.page.wave import waveform

FILE = "worst_mixtures.json"
_LONGEST_S = 600.0
_OUTPUT = "output"
# The rate that pictures are drawn at does not matter to what is heard.
_RATE_HZ = 16_000


def worst(review: str) -> Html:
    """The section about the review folder of such a run."""
    rows: list[dict[str, Any]] = files.read_json(files.join(review, FILE))
    cards = [
        _card(review, row["files"], f"{number(row['si_sdri'])} dB, speaker {row['speaker'] or '-'}, {row['id']}")
        for row in rows
    ]
    about = "The validation items that gained least, worst first: listen to what was asked for, and what came out."
    return section("Worst items", tag("div", *cards, cls="sounds"), about=about) if cards else Html("")


def examples(run: str, events: Sequence[Event]) -> Html:
    """The section about the items that were kept as training went on: what came out at first, and at last."""
    seen = [event for event in events if event["kind"] == "examples"]
    if not seen:
        return Html("")
    cards = [_card(run, dict(_of_item(seen, place)), item["id"]) for place, item in enumerate(seen[-1]["items"])]
    about = "The same validation items after the first epoch and after the last one that they were kept of."
    return section("Examples", tag("div", *cards, cls="sounds"), about=about)


def _of_item(seen: Sequence[Event], place: int) -> Iterator[tuple[str, str]]:
    """What there is to hear of an item, and its files."""
    first, last = seen[0], seen[-1]
    for what, file in last["items"][place]["files"].items():
        if what != _OUTPUT:
            yield what, file
    for event in (first, last) if first is not last else (last,):
        yield f"{_OUTPUT}, epoch {event['epoch']}", event["items"][place]["files"][_OUTPUT]


def _card(folder: str, named: Mapping[str, str], words: str) -> Html:
    sounds = [_sound(what, files.read_bytes(files.join(folder, file))) for what, file in named.items()]
    return tag("div", *sounds, tag("small", words), cls="card")


def _sound(what: str, wav: bytes) -> Html:
    wav_N = decode(wav, rate_hz=_RATE_HZ, max_s=_LONGEST_S)
    picture = data_uri(spectrogram(wav_N, _RATE_HZ), "image/png")
    return tag(
        "div",
        tag("b", what),
        waveform(wav_N, label=f"waveform of the {what}"),
        tag("img", src=picture, alt=f"spectrogram of the {what}"),
        tag("audio", "", controls="controls", preload="metadata", src=data_uri(wav, "audio/wav")),
    )
