"""review/ of a network whose answer is sound: its figures by side, every item, and the worst ones to listen to.

extraction.json               means of each side, with the 95 % interval of the improvement over speakers (or
                              enhancement.json)
mixtures.parquet              number, split, speaker, kind, and the measures of each item
worst/NN-<what>.wav           validation items that gained least, what went in and what came out; told by
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
from sonant.data.recipes.items import Listing
from sonant.data.recipes.loader import ItemLoader
from sonant.metrics.bootstrap import interval
from sonant.tasks.sound import SoundTask
from sonant.track import files
from sonant.train.evaluate import Scored
from sonant.train.review import FOLDER

Loader = ItemLoader[Any, Any]

TABLE, WORST = "mixtures.parquet", "worst_mixtures.json"


def speakers_of(loader: Any, scored: Scored) -> list[str]:
    """Who is wanted, or heard, in each of the items that were judged."""
    speakers = cast(Listing[Any], loader.items).speakers
    return [str(speakers[number]) for number in scored.row_N.tolist()]


def improvement_interval(task: SoundTask, scored: Scored, speakers: Sequence[str]) -> dict[str, float]:
    """The 95 % interval of the mean improvement: speakers are drawn whole, where there are several."""
    gain_N = task.gains(scored.logits_NK, scored.label_N)
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
    task: SoundTask,
    loaders: Mapping[str, Loader],
    scored: Mapping[str, Scored],
    *,
    worst: int,
) -> None:
    """Writes the review folder of the run at `run`, of the checkpoint that `model` holds."""
    folder = files.join(run, FOLDER)
    heard = {side: speakers_of(loaders[side], outputs) for side, outputs in scored.items()}
    summary = {
        side: task.metrics(outputs.logits_NK, outputs.label_N) | improvement_interval(task, outputs, heard[side])
        for side, outputs in scored.items()
    }
    files.write_json(files.join(folder, f"{task.summary}.json"), summary)
    write_table(folder, task, scored, heard)
    _write_worst(folder, model, task, loaders["validation"], scored["validation"], worst)


def write_table(
    folder: str, task: SoundTask, scored: Mapping[str, Scored], speakers: Mapping[str, Sequence[str]]
) -> None:
    """One row an item; `speakers` by side."""
    rows = [row for side, outputs in scored.items() for row in _rows(task, side, outputs, speakers[side])]
    table = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), table)
    files.write_bytes(files.join(folder, TABLE), table.getvalue())


def write_waves(folder: str, start: str, waves: Mapping[str, torch.Tensor], rate_hz: int) -> dict[str, str]:
    """Writes waves as <folder>/<start>-<what>.wav; gives their names by what they are."""
    names = {what: f"{start}-{what}.wav" for what in waves}
    for what, wav_N in waves.items():
        files.write_bytes(files.join(folder, names[what]), encode_wav(wav_N.float().cpu().numpy(), rate_hz))
    return names


def _rows(task: SoundTask, side: str, scored: Scored, speakers: Sequence[str]) -> list[dict[str, Any]]:
    columns = (scored.row_N.tolist(), speakers, scored.label_N.tolist(), scored.logits_NK.tolist())
    return [
        {"number": number, "split": side, "speaker": speaker, "kind": task.kinds[label]}
        | dict(zip(task.measures, measures, strict=True))
        for number, speaker, label, measures in zip(*columns, strict=True)
    ]


@torch.no_grad()
def _write_worst(folder: str, model: nn.Module, task: SoundTask, loader: Loader, scored: Scored, worst: int) -> None:
    gain_N = task.gains(scored.logits_NK, scored.label_N)
    order = [index for index in np.argsort(gain_N).tolist() if not np.isnan(gain_N[index])][:worst]
    device = next(model.parameters()).device
    model.eval()
    listed: list[dict[str, Any]] = []
    for rank, index in enumerate(order):
        item, batch = loader.one(int(scored.row_N[index]))
        waves = task.waves(model, batch.to(device))
        names = write_waves(folder, f"worst/{rank:02d}", waves, loader.items.sample_rate_hz)
        told = {"id": item.id, "speaker": item.speaker, "si_sdri": float(gain_N[index])}
        listed.append({**told, "sample_rate_hz": loader.items.sample_rate_hz, "files": names})
    files.write_json(files.join(folder, WORST), listed)
