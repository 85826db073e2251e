"""From which noise on cleaning sound before it is recognised pays, as measured: pieces that were heard twice.

What is chosen here is what `auto` does (`runtime.transcribe.transcriber`): it looks at the estimated ratio of one
piece, so that is what the choice is made of, and not the ratio of a whole recording.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from sonant.metrics.bootstrap import interval
from sonant.metrics.wer import word_edits
from sonant.runtime.scores import Floats
from sonant.runtime.transcribe.heard import Ask, joined
from sonant.runtime.transcribe.snr import snr_db
from sonant.runtime.transcribe.transcriber import Transcriber


class Twice(NamedTuple):
    """A piece of a recording, as it was understood without and with cleaning."""

    snr_db: float
    """Estimated signal-to-noise ratio."""
    off: str
    on: str


def hear_twice(transcriber: Transcriber, wav_N: Floats, ask: Ask | None = None) -> Iterator[Twice]:
    """The pieces of a recording; without an enhancer both texts are one."""
    ask = ask or Ask()
    for piece in transcriber.cut([wav_N]):
        off = joined(transcriber.hear(piece, replace(ask, enhance="off")).utterances)
        on = off
        if transcriber.enhancer is not None:
            on = joined(transcriber.hear(piece, replace(ask, enhance="on")).utterances)
        yield Twice(snr_db(piece.wav_N, piece.speech), off, on)


def auto_text(pieces: Sequence[Twice], below_db: float | None) -> str:
    """The text of a recording of which the pieces below a ratio were cleaned; None: none was."""
    texts = [piece.on if below_db is not None and piece.snr_db < below_db else piece.off for piece in pieces]
    return " ".join(text for text in texts if text)


def threshold(
    recordings: Sequence[Sequence[Twice]], texts: Sequence[str], speakers: Sequence[Hashable] | None = None
) -> float | None:
    """The ratio below which cleaning leaves the fewest wrong words on these recordings; None where it is not sure to
    help.

    "Never" is one of the choices. Of equally good ratios the lowest is taken: sound is left alone where nothing is
    gained. A gain counts if it is there in 97.5 % of resampled speakers (recordings, where there are no several
    speakers): a few lucky words would be lost again on other recordings.
    """
    off_N = _errors(recordings, texts, None)
    best_N, found = off_N, None
    for below_db in _between(sorted({piece.snr_db for pieces in recordings for piece in pieces})):
        errors_N = _errors(recordings, texts, below_db)
        if errors_N.sum() < best_N.sum():
            best_N, found = errors_N, below_db
    if found is None:
        return None
    gain_N = off_N - best_N
    groups = speakers if speakers is not None and len(set(speakers)) > 1 else None
    low, _ = interval(lambda at: float(gain_N[at].sum()), len(gain_N), groups_N=groups)
    return found if low > 0 else None


def _between(ratios: Sequence[float]) -> Iterator[float]:
    """A number above each of some rising ones, half-way to the next."""
    for place, ratio in enumerate(ratios):
        yield (ratio + ratios[place + 1]) / 2 if place + 1 < len(ratios) else ratio + 0.5


def _errors(recordings: Sequence[Sequence[Twice]], texts: Sequence[str], below_db: float | None) -> np.ndarray:
    edits = (
        word_edits(text, auto_text(pieces, below_db)).errors for text, pieces in zip(texts, recordings, strict=True)
    )
    return np.fromiter(edits, np.int64, len(texts))
