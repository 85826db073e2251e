"""Transcripts of many recordings: audio files, the rows of a manifest, or the clips of a prepared corpus.

One after another in this process, or by all CPUs of a cluster; answers and their order are the same. A recording that
cannot be read is told in its place, and the others go on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from pydantic import TypeAdapter

from sonant.audio.decode import decode_path_parts
from sonant.audio.resample import resample
from sonant.audio.samples import to_float
from sonant.config.load import check
from sonant.config.ray import RayConfig
from sonant.config.transcribe import TranscribeConfig
from sonant.data.corpus import Corpus
from sonant.errors import SonantError
from sonant.measure.infer import MAX_S, Item, listing
from sonant.runtime.scores import Floats
from sonant.runtime.transcribe.formats import FORMS, Format, Granularity, brief, dumps, verbose
from sonant.runtime.transcribe.heard import RATE_HZ, Ask, Transcript, Utterance, joined
from sonant.runtime.transcribe.snr import snr_db
from sonant.runtime.transcribe.transcriber import open_transcriber
from sonant.track import files

Json = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """What became of one recording: a transcript or an error."""

    path: str
    transcript: Transcript | None = None
    error: Json | None = None
    pieces: tuple[tuple[float, str], ...] = ()
    """Of each piece the estimated signal-to-noise ratio in dB, and what was understood."""


_LINE = TypeAdapter(Line)


def transcribe(
    config: TranscribeConfig, inputs: Sequence[str], ask: Ask, *, cluster: RayConfig | None = None
) -> Iterator[Line]:
    """Transcripts of files, URLs and manifests."""
    return over(config, listing(inputs), ask, cluster=cluster)


def over(config: TranscribeConfig, items: Iterable[Item], ask: Ask, *, cluster: RayConfig | None) -> Iterator[Line]:
    """Transcripts of listed recordings."""
    make = (config.model_dump_json(), json.dumps(asdict(ask)))
    texts = (json.dumps(asdict(item)) for item in items)
    if cluster is None:
        typist = Typist(*make)
        return (line_of(typist(text)) for text in texts)
    from sonant.cluster.spread import spread

    return map(line_of, spread(Typist, make, list(texts), settings=cluster))


class Typist:
    """An engine that writes down items; what an actor of a cluster holds. Everything travels as JSON."""

    def __init__(self, config: str, ask: str) -> None:
        self._transcriber = open_transcriber(check(TranscribeConfig, json.loads(config)))
        self._ask = Ask(**json.loads(ask))
        self._transcriber.check(self._ask)

    def __call__(self, text: str) -> str:
        item = Item(**json.loads(text))
        try:
            line = self._heard(item)
        except SonantError as error:
            line = Line(item.path, error=error.body()["error"])
        return json.dumps(asdict(line))

    def _heard(self, item: Item) -> Line:
        work = self._transcriber.start(sound(item), self._ask)
        utterances: list[Utterance] = []
        pieces: list[tuple[float, str]] = []
        for some in work:
            assert work.piece is not None, "it was heard"
            utterances += some
            pieces.append((snr_db(work.piece.wav_N, work.piece.speech), joined(some)))
        return Line(item.path, work.transcript(utterances), pieces=tuple(pieces))


def sound(item: Item) -> Iterator[Floats]:
    """The samples of an item at the engines' rate, part by part: a long file is never there decoded."""
    if item.row is not None:
        corpus = Corpus.open(item.url)
        yield resample(to_float(corpus.read(item.row)), corpus.sample_rate_hz, RATE_HZ)
        return
    first = round(item.start_s * RATE_HZ)
    end = math.inf if item.duration_s is None else first + round(item.duration_s * RATE_HZ)
    at = 0
    for part_N in decode_path_parts(item.url, rate_hz=RATE_HZ, max_s=MAX_S):
        wav_N = part_N[max(0, first - at) : int(min(len(part_N), max(0, end - at)))]
        at += len(part_N)
        if len(wav_N):
            yield wav_N
        if at >= end:
            return


def line_of(text: str) -> Line:
    """Undoes the JSON of a line."""
    return _LINE.validate_json(text)


def written(lines: Iterable[Line], form: Format, *, out: str | None = None, words: bool = False) -> Iterator[str]:
    """What a terminal shows: JSON lines, or each text in turn. With `out`, every transcript goes to a file of its own
    there, named as its recording, and the line says which."""
    for line in lines:
        if line.transcript is None:
            yield dumps({"path": line.path, "error": line.error})
            continue
        granularities: tuple[Granularity, ...] = ("segment", "word") if words else ("segment",)
        told = verbose(line.transcript, granularities) if form == "verbose_json" else brief(line.transcript)
        text = dumps(told) if form.endswith("json") else FORMS[form].render(line.transcript)
        if out is not None:
            url = files.join(out, f"{PurePosixPath(line.path).stem}.{_ENDINGS[form]}")
            files.write_bytes(url, text.encode())
            yield dumps({"path": line.path, "transcript": url})
        else:
            yield dumps({"path": line.path, **told}) if form.endswith("json") else text


_ENDINGS: dict[Format, str] = {"json": "json", "verbose_json": "json", "text": "txt", "srt": "srt", "vtt": "vtt"}
