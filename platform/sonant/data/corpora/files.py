"""Audio files below a folder or URL, in an order that is the same everywhere."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import cast

import fsspec.core
from fsspec import AbstractFileSystem

from sonant.config.prepare import (
    PrepareDns,
    PrepareEmodb,
    PrepareFolder,
    PrepareFsdd,
    PrepareLibrispeech,
    PrepareManifest,
    PrepareMsSnsd,
    PrepareRavdess,
    PrepareSpans,
    PrepareSpeechCommands,
    PrepareVoicebank,
)
from sonant.data.source import Job
from sonant.errors import DataError

SUFFIXES = frozenset(
    {".wav", ".flac", ".mp3", ".ogg", ".opus", ".oga", ".webm", ".m4a", ".mp4", ".aiff", ".aif", ".aac"}
)

_Files = (
    PrepareFolder
    | PrepareFsdd
    | PrepareManifest
    | PrepareSpans
    | PrepareSpeechCommands
    | PrepareRavdess
    | PrepareEmodb
    | PrepareLibrispeech
    | PrepareMsSnsd
    | PrepareVoicebank
    | PrepareDns
)


def find(root: str) -> list[str]:
    """Relative paths (with /) of all audio files below `root`, sorted; hidden files and folders are left out."""
    fs, base = cast(tuple[AbstractFileSystem, str], fsspec.core.url_to_fs(root))
    if not fs.isdir(base):
        raise DataError("data.not_found", f"{root} is no folder")
    paths = [PurePosixPath(found).relative_to(PurePosixPath(base)) for found in cast(list[str], fs.find(base))]
    visible = [path for path in paths if not any(part.startswith(".") for part in path.parts)]
    audio = sorted(str(path) for path in visible if path.suffix.lower() in SUFFIXES)
    if not audio:
        raise DataError("data.empty", f"{root} holds no audio files ({', '.join(sorted(SUFFIXES))})")
    return audio


def job(config: _Files, root: str, path: str, *, start_s: float | None = None, duration_s: float | None = None) -> Job:
    """What a child process does to read a file, or the part of it that begins at `start_s`."""
    return {
        "kind": "file",
        "url": f"{root.rstrip('/') or root}/{path}",
        "rate_hz": config.sample_rate_hz,
        "max_s": config.max_clip_s,
        "start_s": start_s,
        "duration_s": duration_s,
    }
