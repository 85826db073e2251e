"""Recipes as sound files, for ears and for other people's programs: one at a time, anywhere on a cluster."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import fsspec

from sonant.audio.samples import Wav
from sonant.audio.wav import encode_wav

Row = dict[str, str | int | float]
Worker = Callable[[str], str]
Spread = Callable[[Callable[..., Worker], tuple[object, ...], Sequence[str]], Iterable[str]]
"""(make, arguments, items) -> answers in order: `make(*arguments)` once a process, what it returns once an item."""


def render_items(
    make: Callable[..., Worker],
    arguments: tuple[object, ...],
    items: Sequence[str],
    list_url: str,
    *,
    spread: Spread | None,
    sort: Callable[[str], bool],
) -> int:
    """Lets workers write the files of all items and the list of what they answer last; `spread` deals them out over
    processes. Columns of the list that `sort` picks come first, sorted."""
    rows: list[Row] = [json.loads(answer) for answer in (spread or _here)(make, arguments, items)]
    with fsspec.open(list_url, "wb", auto_mkdir=True) as file:
        file.write(listing(rows, sort).encode())  # pyright: ignore[reportAttributeAccessIssue]
    return len(rows)


def listing(rows: Sequence[Row], sort: Callable[[str], bool]) -> str:
    """Rows as CSV; what a row has not is an empty cell."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    first = [name for name in names if sort(name)]
    text = io.StringIO()
    writer = csv.DictWriter(text, sorted(first) + [name for name in names if name not in first], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def write_waves(folder: str, waves: dict[str, Wav], rate_hz: int) -> None:
    """Writes waves below a folder or URL, by their paths there."""
    for path, wav_N in waves.items():
        url = f"{folder.rstrip('/')}/{path}"
        options: dict[str, Any] = {} if "://" in url else {"auto_mkdir": True}
        with fsspec.open(url, "wb", **options) as file:
            file.write(encode_wav(wav_N, rate_hz))  # pyright: ignore[reportAttributeAccessIssue]


def _here(make: Callable[..., Worker], arguments: tuple[object, ...], items: Sequence[str]) -> Iterator[str]:
    if items:
        yield from map(make(*arguments), items)
