"""review/ of an extraction network: its figures by side, every mixture, and the worst ones to listen to.

extraction.json               means of each side, with the 95 % interval of the improvement over wanted speakers
mixtures.parquet              number, split, speaker, present, and the measures of each mixture
worst/NN-<what>.wav           validation mixtures that gained least: mixture, reference, target, output; listed in
                              worst_mixtures.json
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import nn

from sonant.audio.wav import encode_wav
from sonant.data.mix.batch import collate
from sonant.data.mix.items import Listing
from sonant.data.mix.loader import MixLoader
from sonant.metrics.bootstrap import interval
from sonant.tasks.extract import MEASURES, Extract
from sonant.track import files
from sonant.train.evaluate import Scored
from sonant.train.review import FOLDER

SUMMARY, TABLE, WORST = "extraction.json", "mixtures.parquet", "worst_mixtures.json"


def wanted_speakers(loader: MixLoader, scored: Scored) -> list[str]:
    """Who is wanted in each of the mixtures that were judged."""
    speakers = cast(Listing, loader.items).speakers
    return [speakers[number] for number in scored.row_N.tolist()]


def improvement_interval(scored: Scored, speakers: Sequence[str]) -> dict[str, float]:
    """The 95 % interval of the mean improvement: wanted speakers are drawn whole, where there are several."""
    gain_N = _gains(scored)
    known = np.flatnonzero(~np.isnan(gain_N))
    if not known.size:
        return {}
    gain_N, groups = gain_N[known], [speakers[index] for index in known.tolist()]
    several = groups if len(set(groups)) > 1 else None
    low, high = interval(lambda index: float(gain_N[index].mean()), gain_N.size, groups_N=several)
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
    wanted = {side: wanted_speakers(loaders[side], outputs) for side, outputs in scored.items()}
    summary = {
        side: task.metrics(outputs.logits_NK, outputs.label_N) | improvement_interval(outputs, wanted[side])
        for side, outputs in scored.items()
    }
    files.write_json(files.join(folder, SUMMARY), summary)
    write_table(folder, scored, wanted)
    _write_worst(folder, model, loaders["validation"], scored["validation"], worst)


def write_table(folder: str, scored: Mapping[str, Scored], wanted: Mapping[str, Sequence[str]]) -> None:
    """One row a mixture; `wanted` are the speakers by side."""
    rows = [row for side, outputs in scored.items() for row in _rows(side, outputs, wanted[side])]
    table = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), table)
    files.write_bytes(files.join(folder, TABLE), table.getvalue())


def _rows(side: str, scored: Scored, speakers: Sequence[str]) -> list[dict[str, Any]]:
    columns = (scored.row_N.tolist(), speakers, scored.label_N.tolist(), scored.logits_NK.tolist())
    return [
        {"number": number, "split": side, "speaker": speaker, "present": bool(present)}
        | dict(zip(MEASURES, measures, strict=True))
        for number, speaker, present, measures in zip(*columns, strict=True)
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
        told = {"id": item.id, "speaker": item.speaker, "si_sdri": float(gain_N[index])}
        listed.append({**told, "sample_rate_hz": rate_hz, "files": names})
    files.write_json(files.join(folder, WORST), listed)
