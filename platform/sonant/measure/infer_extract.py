"""The wanted voice of many mixtures, as files: see `infer_sound`. Lines also tell `presence`, the mean probability that
the voice is there (null: the network does not tell)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from functools import lru_cache

from sonant.audio.decode import decode_path
from sonant.config.ray import RayConfig
from sonant.errors import DataError
from sonant.measure.infer import MAX_S
from sonant.measure.infer_sound import Item, Line, SoundWriter, stem, write_sounds
from sonant.runtime.bundle import open_bundle
from sonant.runtime.scores import Floats, sigmoid
from sonant.runtime.voices import VoiceEngine
from sonant.track import files

_VOICES = 64
"""Wanted voices that are kept: lists name the same ones again and again."""


class VoiceWriter(SoundWriter):
    """Extracts the voice that each mixture wants; `shared` are the references of all, if there are such."""

    suffix = "extracted"

    def __init__(self, bundle_ref: str, out: str | None, shared: tuple[str, ...] = ()) -> None:
        self._engine = VoiceEngine(open_bundle(bundle_ref))
        super().__init__(self._engine, out)
        self._voice = lru_cache(maxsize=_VOICES)(self._enrolled)
        if shared:
            self._voice(shared)

    def sound(self, wav_N: Floats, item: Item) -> tuple[Floats, Line]:
        """And whether the voice is there."""
        given_N, presence_F = self._engine.extract(wav_N, self._voice(item.references))
        return given_N, {"presence": None if presence_F is None else round(float(sigmoid(presence_F).mean()), 6)}

    def _enrolled(self, references: tuple[str, ...]) -> Floats:
        rate_hz = self._engine.info.sample_rate_hz
        return self._engine.enroll([decode_path(url, rate_hz=rate_hz, max_s=MAX_S) for url in references])


def extract_files(
    bundle_ref: str,
    inputs: Sequence[str],
    references: Sequence[str] = (),
    *,
    out: str | None = None,
    cluster: RayConfig | None = None,
) -> Iterator[Line]:
    """Writes the voice of the references as it is in each mixture to <name>.extracted.wav, beside it or in `out`.

    Inputs are mixtures, or lists of them (see `listing`), which name a reference for each. A mixture that cannot be
    read is told in its place.
    """
    shared = tuple(map(files.absolute, references))
    items = list(listing(inputs, shared))
    return write_sounds(VoiceWriter, bundle_ref, items, shared, out=out, cluster=cluster)


def listing(inputs: Sequence[str], references: tuple[str, ...]) -> Iterator[Item]:
    """Mixtures by path or URL, and those of lists: CSV files with the columns path (or mixture_path) and reference (or
    reference_path, as in our mixtures.csv), both relative to the list, and perhaps id. What a list says
    comes before `references`."""
    for name in inputs:
        if not name.endswith(".csv"):
            yield Item.of(name, references)
            continue
        folder, text = name.rpartition("/")[0] or ".", files.read_bytes(files.absolute(name)).decode("utf-8-sig")
        for number, row in enumerate(csv.DictReader(io.StringIO(text, newline="")), 1):
            path = (row.get("path") or row.get("mixture_path") or "").strip()
            reference = (row.get("reference") or row.get("reference_path") or "").strip()
            if not path or not (reference or references):
                hint = "columns: path, reference; or give --reference for all"
                raise DataError("data.invalid", f"{name}, row {number}: not a mixture and a reference", hint=hint)
            own = (_below(folder, reference),) if reference else references
            told = (row.get("id") or "").strip().replace("/", "_") or stem(path)
            yield Item(path, _below(folder, path), told, own)


def _below(folder: str, path: str) -> str:
    return files.absolute(path if path.startswith("/") or "://" in path else files.join(folder, path))
