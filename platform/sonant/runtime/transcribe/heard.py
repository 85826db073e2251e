"""What was said and when: the words of an engine, the utterances they make, and the transcript of a recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sonant.config.transcribe import EnhanceMode

RATE_HZ = 16_000
"""Rate of all sound on this road: every engine was trained at it."""

_PAUSE_S = 0.4
_MOST_S = 8.0


@dataclass(frozen=True)
class Word:
    """One word."""

    start_s: float
    end_s: float
    text: str
    probability: float

    def later(self, seconds: float) -> Word:
        return replace(self, start_s=self.start_s + seconds, end_s=self.end_s + seconds)


@dataclass(frozen=True)
class Utterance:
    """Words that belong together: a line of a subtitle."""

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...] = ()
    """Its words with their times, where the engine was asked for them or tells them anyway."""
    logprob: float = 0.0
    """Mean log probability of its words or tokens."""
    no_speech: float = 0.0
    """Probability that this is no speech at all, where the engine has an idea of that."""

    def later(self, seconds: float) -> Utterance:
        """The same at another time."""
        return replace(
            self,
            start_s=self.start_s + seconds,
            end_s=self.end_s + seconds,
            words=tuple(word.later(seconds) for word in self.words),
        )


@dataclass(frozen=True)
class Ask:
    """What a caller may choose."""

    language: str | None = None
    """ISO 639-1 code; None: the engine's own guess."""
    prompt: str | None = None
    """Names and words that may occur, for engines that take such."""
    temperature: float | None = None
    """Of sampling, for engines that sample; None: their own."""
    words: bool = False
    """Whether the times of words are wanted."""
    enhance: EnhanceMode | None = None
    """None: as the config says."""


@dataclass(frozen=True)
class Heard:
    """What an engine makes of one piece; times are from its beginning."""

    language: str
    utterances: tuple[Utterance, ...]


@dataclass(frozen=True)
class Transcript:
    """A whole recording."""

    model: str
    language: str
    duration_s: float
    utterances: tuple[Utterance, ...]

    @property
    def text(self) -> str:
        """Everything that was said."""
        return joined(self.utterances)


def joined(utterances: Sequence[Utterance]) -> str:
    """The texts of utterances in a row."""
    return " ".join(text for one in utterances if (text := one.text.strip()))


def grouped(words: Sequence[Word]) -> list[list[Word]]:
    """Words by utterance: a new one begins after a pause, or when a line would become too long to read."""
    groups: list[list[Word]] = []
    for word in words:
        fresh = not groups or word.start_s - groups[-1][-1].end_s > _PAUSE_S
        if fresh or word.end_s - groups[-1][0].start_s > _MOST_S:
            groups.append([])
        groups[-1].append(word)
    return groups
