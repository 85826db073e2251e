"""RAVDESS (Livingstone and Russo 2018, doi:10.1371/journal.pone.0196391): seven numbers tell what a file is.

modality-voice-emotion-intensity-sentence-repetition-actor. Folders are not looked at: the original Actor_XX tree and
a flat folder are alike. Copies that hold a recording twice (in two trees) give it once.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from sonant.config.prepare import PrepareRavdess
from sonant.data.corpora.files import find, job
from sonant.data.source import Clip, Source
from sonant.errors import DataError

_NAME = re.compile(r"(0[1-3])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)")
_EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
_SENTENCES = ("Kids are talking by the door", "Dogs are sitting by the door")
_VOICES = {"speech": ("01",), "song": ("02",), "both": ("01", "02")}
# The other modalities are the same takes with pictures, or pictures without a sound.
_AUDIO_ONLY = "03"


def plan(config: PrepareRavdess) -> Source:
    taken: dict[str, Clip] = {}
    for path in find(config.root):
        clip = _clip(config, path)
        if clip is not None:
            taken.setdefault(clip.id, clip)
    if not taken:
        raise DataError("data.empty", f"{config.root} holds no audio-only recordings of voice={config.voice}")
    return Source("ravdess", "speaker", list(taken.values()))


def _clip(config: PrepareRavdess, path: str) -> Clip | None:
    stem = PurePosixPath(path).stem
    match = _NAME.fullmatch(stem)
    if match is None:
        hint = "names are seven numbers of two digits, such as 03-01-06-01-02-01-12.wav"
        raise DataError("data.invalid", f"{config.root}/{path} is not named as RAVDESS names its files", hint=hint)
    modality, voice, emotion, _, sentence, _, actor = match.groups()
    if modality != _AUDIO_ONLY or voice not in _VOICES[config.voice]:
        return None
    return Clip(
        id=stem,
        path=path,
        job=job(config, config.root, path),
        label=_EMOTIONS[int(emotion) - 1],
        text=_SENTENCES[int(sentence) - 1],
        speaker=f"actor_{actor}_{'M' if int(actor) % 2 else 'F'}",
        licence="CC-BY-NC-SA-4.0",
    )
