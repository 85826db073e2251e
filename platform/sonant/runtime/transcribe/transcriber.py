"""The road from sound to text: pieces at pauses, cleaned where that helps, recognised one by one.

Nothing here knows about HTTP, threads or files; whoever drives it asks for one piece after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from sonant.config.transcribe import EnhanceMode, TranscribeConfig
from sonant.errors import ModelError
from sonant.runtime.scores import Floats
from sonant.runtime.transcribe.cut import Cutter, Piece
from sonant.runtime.transcribe.engine import Recogniser, check_language, open_engine
from sonant.runtime.transcribe.enhance import Enhancer, open_enhancer
from sonant.runtime.transcribe.heard import RATE_HZ, Ask, Heard, Transcript, Utterance
from sonant.runtime.transcribe.snr import snr_db
from sonant.runtime.transcribe.speech import Finder, by_detector, by_loudness


@dataclass(frozen=True)
class Transcriber:
    """What is needed for every recording."""

    config: TranscribeConfig
    recogniser: Recogniser
    find: Finder
    enhancer: Enhancer | None = None

    def start(self, parts: Iterable[Floats], ask: Ask) -> Transcription:
        """A recording on its way, from its parts at RATE_HZ."""
        self.check(ask)
        return Transcription(self, parts, replace(ask, enhance=ask.enhance or self.config.enhance))

    def __call__(self, parts: Iterable[Floats], ask: Ask) -> Transcript:
        """A whole recording at once."""
        work = self.start(parts, ask)
        return work.transcript([one for utterances in work for one in utterances])

    def cut(self, parts: Iterable[Floats]) -> Iterator[Piece]:
        """The pieces of a recording, as soon as they are complete."""
        cutter = Cutter(self.find, self.config.cutting)
        for wav_N in parts:
            yield from cutter.push(wav_N)
        yield from cutter.flush()

    def check(self, ask: Ask) -> None:
        """Refuses what cannot be done, before any work."""
        check_language(self.recogniser, ask.language)
        if ask.enhance == "on" and self.enhancer is None:
            hint = "leave `enhance` out, or set `enhancer` in the config of the server"
            raise ModelError("model.unknown", "there is no enhancer here", hint=hint)

    def hear(self, piece: Piece, ask: Ask) -> Heard:
        """One piece."""
        wav_N = piece.wav_N
        if self.enhancer is not None and self._cleans(piece, ask.enhance):
            wav_N = self.enhancer(wav_N)
        return self.recogniser.hear(wav_N, ask)

    def _cleans(self, piece: Piece, mode: EnhanceMode | None) -> bool:
        below_db = self.config.enhance_below_db
        if mode == "auto":
            return below_db is not None and snr_db(piece.wav_N, piece.speech) < below_db
        return mode == "on"


class Transcription:
    """One recording on its way: iterate over the utterances of its pieces, then ask for the whole."""

    def __init__(self, transcriber: Transcriber, parts: Iterable[Floats], ask: Ask) -> None:
        self._transcriber = transcriber
        self._ask = ask
        self._samples = 0
        self._pieces = transcriber.cut(self._counted(parts))
        self.language = ask.language
        """As asked, or as the first piece with words was understood; the later pieces are heard in it."""
        self.piece: Piece | None = None
        """The one that was heard last."""

    @property
    def duration_s(self) -> float:
        """Sound so far."""
        return self._samples / RATE_HZ

    def __iter__(self) -> Iterator[list[Utterance]]:
        return self

    def __next__(self) -> list[Utterance]:
        """The utterances of the next piece, in times of the recording."""
        self.piece = piece = next(self._pieces)
        heard = self._transcriber.hear(piece, replace(self._ask, language=self.language))
        if heard.utterances:
            self.language = heard.language
        return [one.later(piece.start_s) for one in heard.utterances]

    def transcript(self, utterances: Iterable[Utterance]) -> Transcript:
        """The whole, once all pieces were asked for."""
        language = self.language or self._transcriber.recogniser.languages[0]
        return Transcript(self._transcriber.recogniser.model, language, self.duration_s, tuple(utterances))

    def _counted(self, parts: Iterable[Floats]) -> Iterator[Floats]:
        for wav_N in parts:
            self._samples += len(wav_N)
            yield wav_N


def open_transcriber(config: TranscribeConfig) -> Transcriber:
    """Loads everything that a config names."""
    find = by_loudness if config.detector is None else by_detector(config.detector, config.detector_point)
    enhancer = None if config.enhancer is None else open_enhancer(config.enhancer)
    return Transcriber(config, open_engine(config.engine), find, enhancer)
