"""PocketSphinx: hidden Markov models and word trigrams of US English, which its wheel brings along.

It needs no download and little memory. It knows 134,000 words, no punctuation and no capitals, and it is far behind
neural engines: docs/transcription.md has figures.
"""

from __future__ import annotations

import math
from importlib.metadata import version

import pocketsphinx

from sonant.audio.samples import to_int16
from sonant.config.transcribe import SphinxEngine
from sonant.runtime.scores import Floats
from sonant.runtime.transcribe.heard import RATE_HZ, Ask, Heard, Utterance, Word, grouped

_FRAME_S = 0.01
_LEAST = 1e-10


class Sphinx:
    """The decoder. One thread at a time may use it."""

    languages = ("en",)

    def __init__(self, config: SphinxEngine) -> None:
        self.model = f"pocketsphinx/{version('pocketsphinx')}"
        self._decoder = pocketsphinx.Decoder(
            samprate=float(RATE_HZ), lw=config.language_weight, maxhmmpf=config.max_states, loglevel="FATAL"
        )

    def hear(self, wav_N: Floats, ask: Ask) -> Heard:
        """The words of a piece. Prompt and temperature mean nothing to it."""
        if not len(wav_N):
            return Heard("en", ())
        self._decoder.start_utt()
        self._decoder.process_raw(to_int16(wav_N).tobytes(), full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.seg() or ()
        words = [word for part in found if (word := _word(part.word, part.start_frame, part.end_frame, part.prob))]
        return Heard("en", tuple(_utterance(group) for group in grouped(words)))


def open_model(config: SphinxEngine) -> Sphinx:
    """Loads the model that lies in the wheel."""
    return Sphinx(config)


def _word(name: str, first: int, last: int, probability: float) -> Word | None:
    """`read(2)` is the second way to say `read`; <s>, <sil> and [NOISE] are no words."""
    text = name.partition("(")[0]
    if not text or text[0] in "<[+":
        return None
    return Word(first * _FRAME_S, (last + 1) * _FRAME_S, text, min(1.0, max(_LEAST, probability)))


def _utterance(words: list[Word]) -> Utterance:
    logprob = sum(math.log(word.probability) for word in words) / len(words)
    text = " ".join(word.text for word in words)
    return Utterance(words[0].start_s, words[-1].end_s, text, tuple(words), logprob)
