"""A transcript as text, subtitles (SubRip, WebVTT) or JSON in the forms of OpenAI's API. Pure functions."""

from __future__ import annotations

import html
import json
import zlib
from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal, NamedTuple

from sonant.runtime.transcribe.heard import Transcript, Utterance

Format = Literal["json", "text", "srt", "vtt", "verbose_json"]
Granularity = Literal["segment", "word"]
Json = dict[str, Any]

_LEAST_MS = 1
"""Players drop subtitles that end when they begin."""


def stamp(seconds: float, comma: str) -> str:
    """12.3456 becomes 00:00:12,346; `comma` is what stands before the milliseconds. Hours may have more digits."""
    ms = round(1000 * seconds)
    return f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1000 % 60:02}{comma}{ms % 1000:03}"


def srt(transcript: Transcript) -> str:
    """SubRip: numbered, with comma before the milliseconds."""
    cues = [
        f"{number}\n{_range(one, ',')}\n{_line(one)}\n" for number, one in enumerate(_spoken(transcript.utterances), 1)
    ]
    return "\n".join(cues)


def vtt(transcript: Transcript) -> str:
    """WebVTT (W3C): what looks like markup is escaped."""
    cues = [f"{_range(one, '.')}\n{html.escape(_line(one), quote=False)}\n" for one in _spoken(transcript.utterances)]
    return "\n".join(["WEBVTT\n", *cues])


def plain(transcript: Transcript) -> str:
    """The text and a line feed."""
    return transcript.text + "\n"


def brief(transcript: Transcript) -> Json:
    """The text, and what it is counted as."""
    return {"text": transcript.text, "usage": usage(transcript.duration_s)}


def verbose(transcript: Transcript, granularities: Collection[Granularity] = ("segment",)) -> Json:
    """Text, segments and, when asked for, words, with their times in seconds."""
    told: Json = {
        "task": "transcribe",
        "language": transcript.language,
        "duration": round(transcript.duration_s, 3),
        "text": transcript.text,
        "model": transcript.model,
        "usage": usage(transcript.duration_s),
    }
    spoken = _spoken(transcript.utterances)
    if "segment" in granularities:
        told["segments"] = [_segment(number, one) for number, one in enumerate(spoken)]
    if "word" in granularities:
        told["words"] = [
            {"word": word.text, "start": round(word.start_s, 3), "end": round(word.end_s, 3)}
            for one in spoken
            for word in one.words
        ]
    return told


def usage(duration_s: float) -> Json:
    """What the request is counted as: seconds of sound, rounded up."""
    return {"type": "duration", "seconds": -int(-duration_s // 1)}


class Form(NamedTuple):
    """One way to write a transcript."""

    media_type: str
    render: Callable[[Transcript], str]


def dumps(value: Json) -> str:
    """JSON as it is sent: one line, text readable."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _brief_text(transcript: Transcript) -> str:
    return dumps(brief(transcript))


def _verbose_text(transcript: Transcript) -> str:
    return dumps(verbose(transcript))


FORMS: Mapping[Format, Form] = {
    "json": Form("application/json", _brief_text),
    "text": Form("text/plain; charset=utf-8", plain),
    "srt": Form("application/x-subrip; charset=utf-8", srt),
    "vtt": Form("text/vtt; charset=utf-8", vtt),
    "verbose_json": Form("application/json", _verbose_text),
}
"""By `response_format`."""


def _segment(number: int, one: Utterance) -> Json:
    text = one.text.strip()
    raw = text.encode()
    return {
        "id": number,
        "seek": 0,
        "start": round(one.start_s, 3),
        "end": round(one.end_s, 3),
        "text": text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(one.logprob, 4),
        "compression_ratio": round(len(raw) / len(zlib.compress(raw)), 4),
        "no_speech_prob": round(one.no_speech, 4),
    }


def _spoken(utterances: tuple[Utterance, ...]) -> list[Utterance]:
    return [one for one in utterances if one.text.strip()]


def _range(one: Utterance, comma: str) -> str:
    end_s = max(one.end_s, one.start_s + _LEAST_MS / 1000)
    return f"{stamp(one.start_s, comma)} --> {stamp(end_s, comma)}"


def _line(one: Utterance) -> str:
    """A cue ends at an empty line, and an arrow would begin another: neither may stand in it."""
    return " ".join(one.text.split()).replace("-->", "->")
