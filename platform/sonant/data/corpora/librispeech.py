"""LibriSpeech (Panayotov et al. 2015): parts of speakers of chapters; what is said stands in a file a chapter.

A chapter is one sitting of one reader with one microphone: two recordings of a speaker that are to differ in more than
their words come from two chapters, which is why they are the sessions of this corpus.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import cast

import fsspec

from sonant.config.prepare import PrepareLibrispeech
from sonant.data.corpora.files import find, job
from sonant.data.source import Clip, Source
from sonant.errors import DataError

_NAME = re.compile(r"(?P<speaker>\d+)-(?P<chapter>\d+)-\d+")
_SPLITS = {"train": "train", "dev": "validation", "test": "test"}


def plan(config: PrepareLibrispeech) -> Source:
    found = [path for path in find(config.root) if path.endswith(".flac")]
    parts = sorted({_part(config, path) for path in found})
    missing = sorted(set(config.parts or ()) - set(parts))
    if missing or not found:
        hint = f"it has {', '.join(parts) or 'no .flac files'}"
        raise DataError("data.invalid", f"{config.root} has no part {', '.join(missing)}", hint=hint)
    wanted = [path for path in found if config.parts is None or _part(config, path) in config.parts]
    texts = {folder: _texts(config.root, folder) for folder in sorted({path.rpartition("/")[0] for path in wanted})}
    return Source("librispeech", "speaker", [_clip(config, path, texts) for path in wanted])


def _part(config: PrepareLibrispeech, path: str) -> str:
    """The folder above the speaker's; the root itself where it is a part."""
    above = PurePosixPath(path).parts[:-3]
    return above[-1] if above else PurePosixPath(config.root.rstrip("/")).name


def _clip(config: PrepareLibrispeech, path: str, texts: dict[str, dict[str, str]]) -> Clip:
    name = PurePosixPath(path)
    match = _NAME.fullmatch(name.stem)
    if match is None or name.parts[-3:-1] != (match["speaker"], match["chapter"]):
        hint = "files are <speaker>/<chapter>/<speaker>-<chapter>-<number>.flac; `prepare manifest` reads other layouts"
        raise DataError("data.invalid", f"{config.root}/{path} does not lie as LibriSpeech's files do", hint=hint)
    return Clip(
        id=name.stem,
        path=path,
        job=job(config, config.root, path),
        text=texts[str(name.parent)].get(name.stem, ""),
        speaker=match["speaker"],
        session=f"{match['speaker']}-{match['chapter']}",
        split=_SPLITS.get(_part(config, path).partition("-")[0], ""),
        licence="CC-BY-4.0",
    )


def _texts(root: str, folder: str) -> dict[str, str]:
    """What is said in the recordings of a chapter; nothing where the file is missing."""
    names = PurePosixPath(folder).parts[-2:]
    url = f"{root.rstrip('/')}/{folder}/{'-'.join(names)}.trans.txt"
    try:
        with fsspec.open(url, "rt", encoding="utf-8") as file:
            lines = cast(list[str], file.readlines())  # pyright: ignore[reportAttributeAccessIssue]
    except FileNotFoundError:
        return {}
    return {name: text.strip() for name, _, text in (line.partition(" ") for line in lines)}
