"""Speech Commands (Warden 2018, arXiv:1804.03209): word/speaker_nohash_n.wav, split by a hash of the speaker."""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath

from sonant.config.prepare import PrepareSpeechCommands
from sonant.data.corpora.files import find, job
from sonant.data.silence import SILENCE, plan_silence
from sonant.data.source import Clip, Source
from sonant.data.synth import UNKNOWN, split_counts
from sonant.errors import DataError

# Section 6.1 of the paper, and its reference code: stable when clips are added, so old and new versions compare.
_MAX_CLIPS = 2**27 - 1
_VALIDATION_PERCENT = 10.0
_TEST_PERCENT = 10.0
_SILENCE_S = 1.0


def plan(config: PrepareSpeechCommands) -> Source:
    found = [path for path in find(config.root) if "/" in path and not path.startswith("_")]
    words = {path.partition("/")[0] for path in found}
    missing = sorted(set(config.words or ()) - words)
    if missing:
        hint = f"it has {', '.join(sorted(words))}"
        raise DataError("data.invalid", f"{config.root} has no folder {', '.join(missing)}", hint=hint)
    keep = words if config.words is None else set(config.words)
    clips = [_clip(config, path, keep) for path in found if path.partition("/")[0] in keep or config.unknown]
    # The same shares as the words have.
    splits = split_counts(config.silence_clips, _TEST_PERCENT / 100)
    clips += plan_silence(splits, seconds=_SILENCE_S, rate_hz=config.sample_rate_hz, seed=config.seed)
    if not clips:
        raise DataError("data.empty", f"{config.root} has no folder of a word with audio files")
    return Source("speech_commands", "speaker", clips)


def which_set(file_name: str) -> str:
    """The official split of a file: all clips of a speaker are in one, whatever else the corpus holds."""
    speaker = file_name.partition("_nohash_")[0]
    share = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16) % (_MAX_CLIPS + 1)
    percent = share * (100.0 / _MAX_CLIPS)
    if percent < _VALIDATION_PERCENT:
        return "validation"
    return "test" if percent < _VALIDATION_PERCENT + _TEST_PERCENT else "train"


def _clip(config: PrepareSpeechCommands, path: str, keep: set[str]) -> Clip:
    word = path.partition("/")[0]
    name = PurePosixPath(path).name
    speaker, mark, _ = name.partition("_nohash_")
    if not mark:
        raise DataError("data.invalid", f"{config.root}/{path} is not named speaker_nohash_number")
    return Clip(
        id=path,
        path=path,
        job=job(config, config.root, path),
        label=word if word in keep else UNKNOWN,
        text=word,
        speaker=speaker,
        split=which_set(name),
        licence="CC-BY-4.0",
    )


__all__ = ["SILENCE", "plan", "which_set"]
