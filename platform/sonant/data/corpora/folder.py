"""root/<label>/**/file: the name of the first folder is the label."""

from __future__ import annotations

import re

from sonant.config.prepare import PrepareFolder
from sonant.data.corpora.files import find, job
from sonant.data.source import Clip, Source
from sonant.errors import ConfigError, DataError


def plan(config: PrepareFolder) -> Source:
    pattern = _compile(config.speaker_pattern)
    clips: list[Clip] = []
    for path in find(config.root):
        label, below, _ = path.partition("/")
        if not below:
            raise DataError("data.invalid", f"{config.root}/{path} lies in no folder that names its label")
        speaker = "" if pattern is None else _speaker(pattern, path)
        clips.append(
            Clip(path, path, job(config, config.root, path), label=label, speaker=speaker, licence=config.licence)
        )
    return Source("folder", "speaker", clips)


def _compile(text: str | None) -> re.Pattern[str] | None:
    try:
        pattern = None if text is None else re.compile(text)
    except re.error as error:
        raise ConfigError("config.invalid", f"speaker_pattern {text!r}: {error}") from error
    if pattern is not None and "speaker" not in pattern.groupindex:
        hint = r"write it as (?P<speaker>...), such as .*/(?P<speaker>\w+)_\d+\.wav"
        raise ConfigError("config.invalid", f"speaker_pattern {text!r} has no group `speaker`", hint=hint)
    return pattern


def _speaker(pattern: re.Pattern[str], path: str) -> str:
    match = pattern.search(path)
    if match is None or not match["speaker"]:
        raise DataError("data.invalid", f"speaker_pattern {pattern.pattern!r} finds no speaker in {path}")
    return match["speaker"]
