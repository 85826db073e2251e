"""Any manifest: rows of a table, files below a root."""

from __future__ import annotations

import os.path
from typing import Any, cast

from sonant.config.prepare import PrepareManifest
from sonant.data.corpora.files import job
from sonant.data.manifest import read_manifest
from sonant.data.source import Clip, Source
from sonant.errors import DataError


def plan(config: PrepareManifest) -> Source:
    root = config.root if config.root is not None else config.manifest.rpartition("/")[0] or "."
    table = read_manifest(config.manifest, corpus=config.dataset, splits=config.splits)
    rows = cast(list[dict[str, Any]], table.to_pylist())
    return Source(config.dataset or "manifest", config.split_by, [_clip(config, root, row) for row in rows])


def _clip(config: PrepareManifest, root: str, row: dict[str, Any]) -> Clip:
    path = below(root, str(row["path"]))
    # A duration alone describes a file; with a start, both cut a part out of it.
    part = {"start_s": row["start_s"], "duration_s": row["duration_s"]} if row["start_s"] is not None else {}
    text: dict[str, Any] = {
        name: str(row[name]) for name in ("label", "text", "speaker", "session", "split", "licence")
    }
    return Clip(str(row["id"]), path, job(config, root, path, **part), start_s=row["start_s"] or 0.0, **text)


def below(root: str, path: str) -> str:
    """A path as one relative to the root. Whoever wrote the manifest decides what is read, but only there."""
    relative = os.path.relpath(path, os.path.abspath(root)) if os.path.isabs(path) else os.path.normpath(path)
    if relative.split(os.sep)[0] == os.pardir:
        raise DataError("data.invalid", f"{path} lies outside of the root {root}")
    return relative
