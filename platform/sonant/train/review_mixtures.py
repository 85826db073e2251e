"""review/ of an extraction network: its figures by side, every mixture, and the worst ones to listen to.

extraction.json               means of each side, with the 95 % interval of the improvement
mixtures.parquet              number, split, present, and the measures of each mixture
worst/NN-<what>.wav           validation mixtures that gained least: mixture, reference, target, output; worst.json
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import nn

from sonant.audio.wav import encode_wav
from sonant.data.mix.batch import collate
from sonant.data.mix.loader import MixLoader
from sonant.metrics.bootstrap import interval
from sonant.tasks.extract import MEASURES, Extract
from sonant.track import files
from sonant.train.evaluate import Scored
from sonant.train.review import FOLDER

SUMMARY, TABLE, WORST = "extraction.json", "mixtures.parquet", "worst_mixtures.json"


def improvement_interval(scored: Scored) -> dict[str, float]:
    """The 95 % interval of the mean improvement, over mixtures."""
    gain_N = _gains(scored)
    gain_N = gain_N[~np.isnan(gain_N)]
    if not gain_N.size:
        return {}
    low, high = interval(lambda index: float(gain_N[index].mean()), gain_N.size)
    return {"si_sdri_low": low, "si_sdri_high": high}


def write(
    run: str,
    model: nn.Module,
    task: Extract,
    loaders: Mapping[str, MixLoader],
    scored: Mapping[str, Scored],
    *,
    worst: int,
) -> None:
    """Writes the review folder of the run at `run`, of the checkpoint that `model` holds."""
    folder = files.join(run, FOLDER)
    summary = {
        side: task.metrics(outputs.logits_NK, outputs.label_N) | improvement_interval(outputs)
        for side, outputs in scored.items()
    }
    files.write_json(files.join(folder, SUMMARY), summary)
    table = io.BytesIO()
    pq.write_table(
        pa.Table.from_pylist([row for side, outputs in scored.items() for row in _rows(side, outputs)]), table
    )
    files.write_bytes(files.join(folder, TABLE), table.getvalue())
    _write_worst(folder, model, loaders["validation"], scored["validation"], worst)


def write_table(folder: str, scored: Mapping[str, Scored]) -> None:
    """One row a mixture."""
    rows = [row for side, outputs in scored.items() for row in _rows(side, outputs)]
    table = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), table)
    files.write_bytes(files.join(folder, TABLE), table.getvalue())


def _rows(side: str, scored: Scored) -> list[dict[str, Any]]:
    return [
        {"number": number, "split": side, "present": bool(present), **dict(zip(MEASURES, measures, strict=True))}
        for number, present, measures in zip(
            scored.row_N.tolist(), scored.label_N.tolist(), scored.logits_NK.tolist(), strict=True
        )
    ]


def _gains(scored: Scored) -> np.ndarray:
    """Improvement of each mixture with the wanted voice; NaN of the others."""
    own, before = (scored.logits_NK[:, MEASURES.index(name)] for name in ("si_sdr", "si_sdr_mixture"))
    return np.where(scored.label_N == 1, own - before, np.nan).astype(np.float64)


@torch.no_grad()
def _write_worst(folder: str, model: nn.Module, loader: MixLoader, scored: Scored, worst: int) -> None:
    gain_N = _gains(scored)
    order = [index for index in np.argsort(gain_N).tolist() if not np.isnan(gain_N[index])][:worst]
    rate_hz, device = loader.items.sample_rate_hz, next(model.parameters()).device
    model.eval()
    listed: list[dict[str, Any]] = []
    for rank, index in enumerate(order):
        item = loader.items.item(0, int(scored.row_N[index]))
        batch = collate([item], {}).to(device)
        waves = {
            "mixture": batch.mix_BN[0],
            "reference": batch.ref_BR[0],
            "target": batch.target_BN[0],
            "output": model(batch.mix_BN, batch.ref_BR, batch.ref_samples_B).wav_BN[0],
        }
        names = {what: f"worst/{rank:02d}-{what}.wav" for what in waves}
        for what, wav_N in waves.items():
            files.write_bytes(files.join(folder, names[what]), encode_wav(wav_N.cpu().numpy(), rate_hz))
        listed.append({"id": item.id, "speaker": item.speaker, "si_sdri": float(gain_N[index]), "files": names})
    files.write_json(files.join(folder, WORST), listed)
