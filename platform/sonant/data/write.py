"""Writes a corpus: samples into shards, rows into the manifest, and corpus.json last."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import fsspec.core
import numpy as np
import pyarrow as pa
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from numpy.typing import NDArray

from sonant.data.corpus import MANIFEST_FILE, CorpusInfo, Skipped
from sonant.data.manifest import SPANS, STORED, STORED_SPANS, write_manifest
from sonant.data.shards import INFO_FILE, Place, ShardWriter, new_folder
from sonant.data.source import Clip, SplitBy
from sonant.errors import DataError

_EXAMPLES = 20
_Row = dict[str, Any]


def write_corpus(
    url: str,
    clips: Iterable[tuple[Clip, NDArray[np.int16]]],
    *,
    name: str,
    sample_rate_hz: int,
    split_by: SplitBy = "speaker",
    skipped: Sequence[Skipped] = (),
    config: dict[str, Any] | None = None,
) -> CorpusInfo:
    """Writes clips, in order, to a folder or URL; a corpus that is there is replaced once the new one is whole.

    `skipped` is looked at when `clips` has ended, so that what makes the clips can still add to it.
    """
    with _output(url) as folder:
        with ShardWriter(folder) as shards:
            rows = [_row(clip, name, sample_rate_hz, shards.write(pcm_N)) for clip, pcm_N in clips]
        if not rows:
            reason = (
                f": all {len(skipped)} files were refused, the first because {skipped[0].reason}" if skipped else ""
            )
            raise DataError("data.empty", f"there is no clip to write to {url}{reason}")
        manifest = folder / MANIFEST_FILE
        schema = STORED_SPANS if any(SPANS.name in row for row in rows) else STORED
        write_manifest(pa.Table.from_pylist(rows, schema=schema), str(manifest))
        labels, splits = (Counter(str(row[column]) for row in rows) for column in ("label", "split"))
        info = CorpusInfo(
            name=name,
            sample_rate_hz=sample_rate_hz,
            labels={label: count for label, count in sorted(labels.items()) if label},
            splits=dict(sorted(splits.items())),
            split_by=split_by,
            clips=len(rows),
            seconds=round(sum(row["duration_s"] for row in rows), 3),
            speakers=len({row["speaker"] for row in rows} - {""}),
            skipped=len(skipped),
            skipped_examples=tuple(skipped[:_EXAMPLES]),
            shard_bytes=tuple(shards.sizes),
            manifest_sha256=hashlib.sha256(manifest.read_bytes()).hexdigest(),
            config=config or {},
        )
        text = json.dumps(info.model_dump(mode="json"), indent=2, ensure_ascii=False)
        (folder / INFO_FILE).write_text(text + "\n", encoding="utf-8")
    return info


def _row(clip: Clip, corpus: str, rate_hz: int, place: Place) -> _Row:
    told = {name: getattr(clip, name) for name in STORED.names if hasattr(clip, name)}
    measured = {"duration_s": place.samples / rate_hz, "sample_rate_hz": rate_hz, "corpus": corpus}
    spans = {} if clip.spans is None else {SPANS.name: [span._asdict() for span in clip.spans]}
    return {**told, **measured, **place._asdict(), **spans}


@contextmanager
def _output(url: str) -> Generator[Path]:
    """A local folder to fill: it takes the place of `url`, or is uploaded there with corpus.json last."""
    fs, path = cast(tuple[AbstractFileSystem, str], fsspec.core.url_to_fs(url))
    if isinstance(fs, LocalFileSystem):
        with new_folder(Path(path)) as folder:
            yield folder
        return
    with tempfile.TemporaryDirectory(prefix="sonant.") as temporary, new_folder(Path(temporary) / "corpus") as folder:
        yield folder
        # Without corpus.json nobody opens what is half old and half new.
        if fs.exists(f"{path}/{INFO_FILE}"):
            fs.rm_file(f"{path}/{INFO_FILE}")
        fs.makedirs(f"{path}/shards", exist_ok=True)
        files = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
        for name in sorted(files, key=lambda name: name == INFO_FILE):
            fs.put_file(str(folder / name), f"{path}/{name}")
