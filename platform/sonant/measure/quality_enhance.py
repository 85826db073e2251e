"""All figures of an enhancement network on noisy speech: of what came out, of what went in, and what was gained.

Noisy speech is drawn from a corpus as in training, or lies as files in a list of pairs, such as those of a published
set. Items without noise tell what harm is done to clean speech, items without speech how much of the noise is left.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
import torch

from models.spec import create
from sonant import tasks
from sonant.data.corpus import Corpus
from sonant.data.noisy.loader import NoisyLoader
from sonant.data.noisy.pairs import Pairs, read_pairs
from sonant.errors import ConfigError
from sonant.measure.evaluate import SplitName, network_of, open_subject, rows_of_split
from sonant.measure.quality_items import Row, means
from sonant.metrics.item import Figures, Floats, Heard, score_item
from sonant.tasks.enhance import CLEAN_ONLY, NOISE_ONLY, NOISY, Enhance, kinds
from sonant.tasks.task import Network

LIST = ".csv"
"""What a list of pairs ends in."""
OF_SPEECH = ("pesq", "stoi", "estoi", "si_sdr", "snr", "segmental_snr", "llr", "wss", "csig", "cbak", "covl")
_OF_NOISE = ("absent_db", "absent_silent")
_KNOWN = ("id", "speaker", "kind", "noise", "snr_db")
_BAND_DB = 5


class Judge:
    """Enhances one item after another and measures what came out, and what went in."""

    def __init__(self, subject: str, data: str | None, split: SplitName, enrolment: str | None = None) -> None:
        if enrolment is not None:
            raise ConfigError(
                "config.invalid", "an enrolment map says whose voice is wanted: noisy speech has one only"
            )
        opened, config, labels, self.name = open_subject(subject)
        model = create(config.model)
        if data is not None and data.endswith(LIST):
            pairs = Pairs(read_pairs(data), model.sample_rate_hz)
            self._loader = NoisyLoader(pairs, batch_size=1, training=False, seed=0)
        else:
            corpus = Corpus.open(data or config.data.corpus)
            rows = rows_of_split(corpus, config, split)
            _, loaders = tasks.opened(config, labels, model, corpus, {split: rows}, training=False)
            self._loader = cast(NoisyLoader, loaders[split])
        self._network = cast(Network, network_of(opened))

    def __len__(self) -> int:
        return len(self._loader.items)

    @torch.no_grad()
    def __call__(self, number: str) -> str:
        item, batch = self._loader.one(int(number))
        kind, given_N = int(kinds(batch.snr_db_B)[0]), self._network(batch.noisy_BN)[0].numpy()
        rate_hz = self._loader.items.sample_rate_hz
        told = {
            "id": item.id,
            "speaker": item.speaker,
            "kind": Enhance.kinds[kind],
            "noise": item.noise,
            "snr_db": item.snr_db if math.isfinite(item.snr_db) else None,
        }
        if kind == NOISE_ONLY:
            return json.dumps(told | score_item(_heard(given_N, item.clean_N, item.noisy_N, rate_hz, False), _OF_NOISE))
        after, before = (
            score_item(_heard(wav_N, item.clean_N, item.noisy_N, rate_hz, True), OF_SPEECH)
            for wav_N in (given_N, item.noisy_N)
        )
        return json.dumps(told | _compared(after, before))


def _heard(given_N: Floats, clean_N: Floats, noisy_N: Floats, rate_hz: int, present: bool) -> Heard:
    return Heard(given_N, clean_N, noisy_N, np.zeros((0, len(noisy_N)), np.float32), rate_hz, present)


def _compared(after: Figures, before: Figures) -> Figures:
    """Each figure, that of the noisy speech, and what was gained."""
    figures: Figures = {}
    for name, value in after.items():
        was = before[name]
        gain = None if value is None or was is None else value - was
        figures |= {name: value, f"{name}_noisy": was, f"{name}_gain": gain}
    return figures


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Means over noisy speech, by the ratio and by the kind of noise; over clean speech, and over noise alone."""
    by_kind = {kind: [row for row in rows if row["kind"] == kind] for kind in Enhance.kinds}
    clean, alone = (by_kind[Enhance.kinds[number]] for number in (CLEAN_ONLY, NOISE_ONLY))
    noisy = by_kind[Enhance.kinds[NOISY]]
    return {
        "items": {kind: len(found) for kind, found in by_kind.items()},
        "figures": means(noisy, _KNOWN),
        "by_snr": _tables(noisy, lambda row: _band(row["snr_db"])),
        "by_noise": _tables(noisy, lambda row: row["noise"]),
        "clean_only": means(clean, _KNOWN),
        "noise_only": means(alone, _KNOWN),
    }


def _tables(rows: Sequence[Row], group: Callable[[Row], str]) -> dict[str, Any]:
    groups: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row["snr_db"] or 0.0):
        groups.setdefault(group(row), []).append(row)
    return {name: {"items": len(found), **means(found, _KNOWN)} for name, found in groups.items() if name}


def _band(snr_db: float | None) -> str:
    """Of five decibels; empty: unknown."""
    if snr_db is None:
        return ""
    low = math.floor(snr_db / _BAND_DB) * _BAND_DB
    return f"{low} to {low + _BAND_DB} dB"
