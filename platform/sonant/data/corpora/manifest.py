"""Any manifest: rows of a table, files below a root."""

from __future__ import annotations

import os.path
import re
from typing import Any, cast

from sonant.config.prepare import PrepareManifest
from sonant.data.corpora.files import job
from sonant.data.corpora.patterns import compiled, named
from sonant.data.manifest import read_manifest
from sonant.data.source import Clip, Source
from sonant.errors import DataError


def plan(config: PrepareManifest) -> Source:
    root = config.root if config.root is not None else config.manifest.rpartition("/")[0] or "."
    table = read_manifest(config.manifest, corpus=config.dataset, splits=config.splits)
    rows = cast(list[dict[str, Any]], table.to_pylist())
    pattern = compiled(config.session_pattern, "session")
    clips = [_clip(config, root, row, pattern) for row in rows]
    return Source(config.dataset or "manifest", config.split_by, clips)


def _clip(config: PrepareManifest, root: str, row: dict[str, Any], pattern: re.Pattern[str] | None) -> Clip:
    path = below(root, str(row["path"]))
    # A duration alone describes a file; with a start, both cut a part out of it.
    part = {"start_s": row["start_s"], "duration_s": row["duration_s"]} if row["start_s"] is not None else {}
    text: dict[str, Any] = {
        name: str(row[name]) for name in ("label", "text", "speaker", "session", "split", "licence")
    }
    if pattern is not None and not text["session"]:
        text["session"] = named(pattern, "session", path)
    return Clip(str(row["id"]), path, job(config, root, path, **part), start_s=row["start_s"] or 0.0, **text)


def below(root: str, path: str) -> str:
    """A path as one relative to the root. Whoever wrote the manifest decides what is read, but only there."""
    relative = os.path.relpath(path, os.path.abspath(root)) if os.path.isabs(path) else os.path.normpath(path)
    if relative.split(os.sep)[0] == os.pardir:
        raise DataError("data.invalid", f"{path} lies outside of the root {root}")
    return relative
