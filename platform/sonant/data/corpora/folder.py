"""root/<label>/**/file: the name of the first folder is the label."""

from __future__ import annotations

from sonant.config.prepare import PrepareFolder
from sonant.data.corpora.files import find, job
from sonant.data.corpora.patterns import compiled, named
from sonant.data.source import Clip, Source
from sonant.errors import DataError


def plan(config: PrepareFolder) -> Source:
    pattern = compiled(config.speaker_pattern, "speaker")
    clips: list[Clip] = []
    for path in find(config.root):
        label, below, _ = path.partition("/")
        if not below:
            raise DataError("data.invalid", f"{config.root}/{path} lies in no folder that names its label")
        speaker = "" if pattern is None else named(pattern, "speaker", path)
        clips.append(
            Clip(path, path, job(config, config.root, path), label=label, speaker=speaker, licence=config.licence)
        )
    return Source("folder", "speaker", clips)
