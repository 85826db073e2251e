"""Free Spoken Digit Dataset: {digit}_{speaker}_{take}.wav, 8 kHz; takes 0-4 are the official test set."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from sonant.config.prepare import PrepareFsdd
from sonant.data.corpora.files import find, job
from sonant.data.source import Clip, Source
from sonant.errors import DataError

_NAME = re.compile(r"(?P<digit>\d)_(?P<speaker>[^_]+)_(?P<take>\d+)")
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TEST_TAKES = 5


def plan(config: PrepareFsdd) -> Source:
    return Source("fsdd", "take", [_clip(config, path) for path in find(config.root)])


def _clip(config: PrepareFsdd, path: str) -> Clip:
    match = _NAME.fullmatch(PurePosixPath(path).stem)
    if match is None:
        raise DataError("data.invalid", f"{config.root}/{path} is not named digit_speaker_take")
    return Clip(
        id=PurePosixPath(path).stem,
        path=path,
        job=job(config, config.root, path),
        label=match["digit"],
        text=_WORDS[int(match["digit"])],
        speaker=match["speaker"],
        split="test" if int(match["take"]) < _TEST_TAKES else "train",
        licence="CC-BY-SA-4.0",
    )
