"""MS-SNSD (Reddy et al. 2019, arXiv:1909.08050): flat folders of clean speech and of noise, for training and test."""

from __future__ import annotations

import re

from sonant.config.prepare import PrepareMsSnsd
from sonant.data.corpora.files import find, job
from sonant.data.source import Clip, Source
from sonant.errors import DataError

_FILE = re.compile(r"(?:(?P<kind>clean|noise)_(?P<part>train|test)/)?(?P<stem>[^/]+)\.\w+")
# Speech of VCTK (p226_001) and of PTDB-TUG (mic_F01_sa1).
_SPEAKER = re.compile(r"(?:^|_)(p\d{3}|[FM]\d{2})_")
_NUMBER = re.compile(r"_\d+$")


def plan(config: PrepareMsSnsd) -> Source:
    matches = [(path, match) for path in find(config.root) if (match := _FILE.fullmatch(path))]
    # Files beside the folders are not of the set; where there are no folders, they are all of one part.
    foldered = any(match["kind"] for _, match in matches)
    wanted = [(path, match) for path, match in matches if match["kind"] == (config.part if foldered else None)]
    if not wanted:
        hint = f"it has no {config.part}_train and no {config.part}_test"
        raise DataError("data.empty", f"{config.root} holds no {config.part} files of MS-SNSD", hint=hint)
    # The kinds of noise of its test folder are also heard in training.
    return Source("ms_snsd", "clip" if config.part == "noise" else "speaker", [_clip(config, *each) for each in wanted])


def _clip(config: PrepareMsSnsd, path: str, match: re.Match[str]) -> Clip:
    stem, noise = match["stem"], config.part == "noise"
    speaker = _SPEAKER.search(stem)
    return Clip(
        id=path.rpartition(".")[0],
        path=path,
        job=job(config, config.root, path),
        label=_NUMBER.sub("", stem) if noise else "",
        speaker=speaker[1] if speaker and not noise else "",
        split=match["part"] or "",
    )
