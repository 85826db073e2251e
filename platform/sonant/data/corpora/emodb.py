"""Berlin Database of Emotional Speech (Burkhardt et al. 2005): 03a01Fa.wav is speaker 03, text a01, happy, version a.

Emotions have the same names as in RAVDESS, so that one corpus can be judged by a network of the other.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from sonant.config.prepare import PrepareEmodb
from sonant.data.corpora.files import find, job
from sonant.data.source import Clip, Source
from sonant.errors import DataError

_NAME = re.compile(r"(?P<speaker>\d\d)(?P<text>[ab]\d\d)(?P<emotion>[WLEAFTN])(?P<version>[a-z])")
# Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral.
_EMOTIONS = {"W": "angry", "L": "bored", "E": "disgust", "A": "fearful", "F": "happy", "T": "sad", "N": "neutral"}
_WOMEN = frozenset({"08", "09", "13", "14", "16"})


def plan(config: PrepareEmodb) -> Source:
    return Source("emodb", "speaker", [_clip(config, path) for path in find(config.root)])


def _clip(config: PrepareEmodb, path: str) -> Clip:
    stem = PurePosixPath(path).stem
    match = _NAME.fullmatch(stem)
    if match is None:
        hint = "names are speaker, text, emotion and version, such as 03a01Fa.wav"
        raise DataError("data.invalid", f"{config.root}/{path} is not named as EmoDB names its files", hint=hint)
    speaker = match["speaker"]
    return Clip(
        id=stem,
        path=path,
        job=job(config, config.root, path),
        label=_EMOTIONS[match["emotion"]],
        # Which of the ten sentences.
        text=match["text"],
        speaker=f"emodb_{speaker}_{'F' if speaker in _WOMEN else 'M'}",
        licence="unclear, research only",
    )
