"""VoiceBank-DEMAND (Valentini 2017): a folder of clean and one of noisy speech a part, equal names belong together."""

from __future__ import annotations

import re

from sonant.config.prepare import PrepareVoicebank
from sonant.data.corpora.files import find, job
from sonant.data.source import Clip, Source
from sonant.errors import DataError

_FILE = re.compile(r"clean_(?P<part>train|test)set\w*_wav/(?P<stem>(?P<speaker>p\d+)_\w+)\.\w+")


def plan(config: PrepareVoicebank) -> Source:
    clips = [
        Clip(
            id=match["stem"],
            path=path,
            job=job(config, config.root, path),
            speaker=match["speaker"],
            split=match["part"],
            licence="CC-BY-4.0",
        )
        for path in find(config.root)
        if (match := _FILE.fullmatch(path))
    ]
    if not clips:
        hint = "files are clean_<part>set_wav/p<speaker>_<number>.wav; one of the two training sets"
        raise DataError("data.empty", f"{config.root} holds no clean speech of VoiceBank-DEMAND", hint=hint)
    return Source("voicebank", "speaker", clips)
