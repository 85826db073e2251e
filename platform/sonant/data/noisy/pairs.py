"""Noisy speech that lies as files: a list of pairs, ours or one made of the folders of a published set."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import fsspec
import numpy as np

from models.base import Section
from sonant.audio.decode import decode_path
from sonant.audio.samples import Wav
from sonant.config.prepare import PrepareNoisyPairs
from sonant.data.noisy.items import Item
from sonant.data.noisy.layouts import LAYOUTS
from sonant.data.recipes.drawing import absolute
from sonant.data.recipes.files import Row, listing
from sonant.data.recipes.reading import below, read_text
from sonant.errors import ConfigError, DataError

_MAX_S = 600.0
_NEEDED = ("noisy_path", "clean_path")


@dataclass(frozen=True)
class Pair:
    """A noisy file and the clean one that belongs to it."""

    id: str
    noisy: str
    """URLs, as the next."""
    clean: str
    snr_db: float
    """NaN: unknown."""
    speaker: str
    noise: str
    """Kind of noise; of both, empty: unknown."""


class Pairs:
    """Items of a loader: the pairs of a list, decoded when they are asked for."""

    def __init__(self, pairs: Sequence[Pair], sample_rate_hz: int) -> None:
        self.pairs = pairs
        self._rate_hz = sample_rate_hz

    @property
    def sample_rate_hz(self) -> int:
        return self._rate_hz

    @property
    def window(self) -> int | None:
        return None

    def __len__(self) -> int:
        return len(self.pairs)

    def item(self, epoch: int, index: int) -> Item:
        told = self.pairs[index]
        noisy_N, clean_N = self._read(told.noisy), self._read(told.clean)
        # Files of one recording differ by a few samples where they were resampled apart.
        if abs(noisy_N.size - clean_N.size) > 0.01 * noisy_N.size:
            sizes = f"{noisy_N.size} samples, {told.clean} {clean_N.size}"
            raise DataError("data.invalid", f"{told.noisy} has {sizes}: they are no pair")
        clean_N = np.pad(clean_N[: noisy_N.size], (0, max(0, noisy_N.size - clean_N.size)))
        return Item(told.id, told.snr_db, noisy_N, clean_N, told.speaker, told.noise)

    def _read(self, url: str) -> Wav:
        return decode_path(url, rate_hz=self._rate_hz, max_s=_MAX_S)


class PairsSummary(Section):
    """What `prepare noisy_pairs` made."""

    table: str
    """Where it lies."""
    pairs: int
    """Rows of it."""
    speakers: int
    """Different speakers, the unknown one not counted."""
    noises: int
    """Different kinds of noise, likewise."""
    unpaired: int
    """Noisy files without a clean one, left out."""


def prepare_pairs(config: PrepareNoisyPairs) -> PairsSummary:
    """Lists the pairs below a folder as CSV; files are only looked at by name."""
    if not config.out.endswith(".csv"):
        raise ConfigError("config.invalid", f"out={config.out} is a list: its name ends in .csv")
    root = absolute(config.root).rstrip("/")
    found, unpaired = LAYOUTS[config.layout](root, config.part)
    if not found:
        hint = f"see docs/data.md for how the files of layout={config.layout} lie"
        raise DataError("data.empty", f"{root} holds no pairs of noisy and clean files", hint=hint)
    rows: list[Row] = [asdict(row) | {"path": row.noisy_path} for row in found]
    with fsspec.open(config.out, "wb", auto_mkdir=True) as file:
        file.write(listing(rows, lambda name: False).encode())  # pyright: ignore[reportAttributeAccessIssue]
    speakers, noises = ({getattr(row, name) for row in found} - {""} for name in ("speaker", "noise"))
    return PairsSummary(
        table=config.out, pairs=len(rows), speakers=len(speakers), noises=len(noises), unpaired=unpaired
    )


def read_pairs(url: str, *, root: str | None = None) -> list[Pair]:
    """The pairs of a CSV file: pairs.csv of `sonant prepare noisy render=`, what `prepare noisy_pairs` writes, or any
    with the columns noisy_path and clean_path. Paths are relative to `root`, or to the list's own folder."""
    base = root if root is not None else url.rpartition("/")[0] or "."
    reader = csv.DictReader(io.StringIO(read_text(url), newline=""))
    missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError("data.invalid", f"{url} has no column {', '.join(missing)}", hint="it must list pairs of files")
    pairs = [_pair(cells, base) for cells in reader]
    if not pairs:
        raise DataError("data.empty", f"{url} lists no pairs")
    return pairs


def _pair(cells: Mapping[str, str], base: str) -> Pair:
    noisy, clean = (below(base, cells[name]) for name in _NEEDED)
    return Pair(
        id=cells.get("id") or noisy.rpartition("/")[2].rpartition(".")[0],
        noisy=noisy,
        clean=clean,
        snr_db=float(cells.get("snr_db") or math.nan),
        speaker=cells.get("speaker", ""),
        noise=cells.get("noise", ""),
    )
