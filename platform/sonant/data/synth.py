"""The plan of a synthetic corpus: which word is said by which voice and how, in which split.

A timbre (espeak-ng's variant) is in one split only, whatever its accent: nobody in the test set was heard in training.
Every draw depends on (seed, word, index), so that more words or clips leave the others as they were.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sonant.config.prepare import PrepareSynth
from sonant.data.espeak import ACCENTS, variants
from sonant.data.rng import Purpose, rng, text_seed
from sonant.data.silence import SILENCE, plan_silence
from sonant.data.source import Clip, Job, Source
from sonant.errors import DataError

UNKNOWN = "_unknown_"
_HELD_OUT = ("test", "validation")
_RATE = (120, 230)
_PITCH = (15, 85)
_RANGE = (20, 80)
_LICENCE = "CC0-1.0"


def plan(config: PrepareSynth) -> Source:
    """All clips of the corpus, label by label."""
    words = list(config.words)
    double = sorted({word for word in words if words.count(word) > 1} | set(words) & set(config.unknown_words))
    if double:
        raise DataError("data.invalid", f"words given twice: {', '.join(double)}")
    if any(not word.strip() or word in (UNKNOWN, SILENCE) for word in (*words, *config.unknown_words)):
        raise DataError("data.invalid", f"a word is empty or a reserved label ({UNKNOWN}, {SILENCE})")
    voices = cast_voices(config)
    clips: list[Clip] = []
    for word in words:
        clips += _speak(config, word, word, split_counts(config.clips_per_word, config.held_out), voices)
    unknown = config.clips_per_word if config.unknown_clips is None else config.unknown_clips
    for number, word in enumerate(config.unknown_words):
        share = len(range(number, unknown, len(config.unknown_words)))
        clips += _speak(config, word, UNKNOWN, split_counts(share, config.held_out), voices)
    clips += plan_silence(
        split_counts(config.silence_clips, config.held_out),
        seconds=config.clip_s,
        rate_hz=config.sample_rate_hz,
        seed=config.seed,
    )
    return Source("synth", "speaker", clips, tolerant=False)


def cast_voices(config: PrepareSynth) -> dict[str, list[str]]:
    """The voices (accent+variant) of each split."""
    generator = rng(Purpose.VOICES, config.seed)
    names = [str(name) for name in generator.permutation(variants())]
    voices: dict[str, list[str]] = {}
    for split, timbres, count in zip(
        ("test", "validation", "train"),
        _portions(names, _sizes(len(names), config.held_out)),
        _sizes(config.voices, config.held_out),
        strict=True,
    ):
        pairs = [f"{accent}+{timbre}" for timbre in timbres for accent in ACCENTS]
        voices[split] = [str(pair) for pair in generator.permutation(pairs)[:count]]
    return voices


def split_counts(clips: int, held_out: float) -> list[str]:
    """The split of each of a label's clips; from three clips on, every split has one."""
    held = 0 if clips < 3 else max(1, round(clips * held_out))
    return [split for split in _HELD_OUT for _ in range(held)] + ["train"] * (clips - 2 * held)


def _sizes(total: int, held_out: float) -> tuple[int, int, int]:
    held = max(1, round(total * held_out))
    return held, held, total - 2 * held


def _portions(items: list[str], sizes: Iterable[int]) -> list[list[str]]:
    ends = np.cumsum(list(sizes))
    return [list(part) for part in np.split(np.array(items), ends[:-1])]


def _speak(config: PrepareSynth, word: str, label: str, splits: list[str], voices: dict[str, list[str]]) -> list[Clip]:
    """The clips of one word. It goes round the voices of a split, from a place of its own."""
    key = text_seed(word)
    clips: list[Clip] = []
    for index, split in enumerate(splits):
        choices = voices[split]
        voice = choices[(key + index) % len(choices)]
        by_voice = config.manner_of == "speaker"
        generator = rng(Purpose.SPEECH, config.seed, *((text_seed(voice),) if by_voice else (key, index)))
        job: Job = {
            "kind": "speak",
            "text": word,
            "voice": voice,
            "rate": int(generator.integers(*_RATE)),
            "pitch": int(generator.integers(*_PITCH)),
            "range": int(generator.integers(*_RANGE)),
            "rate_hz": config.sample_rate_hz,
            "max_s": config.clip_s,
        }
        name = f"{word}/{index:05d}"
        clips.append(Clip(name, name, job, label=label, text=word, speaker=voice, split=split, licence=_LICENCE))
    return clips
