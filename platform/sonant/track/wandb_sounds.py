"""W&B tables of networks whose answer is sound: items as training goes on, and those that gained least."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sonant.audio.decode import decode
from sonant.track import files
from sonant.track.events import Event
from sonant.track.spectrogram import image, wave_image

_LONGEST_S = 600.0
_FORMS = ("audio", "wave", "spectrogram")


class _Row(NamedTuple):
    """An item: what is told of it, and its files by what they are."""

    told: Mapping[str, Any]
    files: Mapping[str, str]
    rate_hz: int


def examples(run: str, event: Event) -> dict[str, Any]:
    """The items of an `examples` event."""
    rows = [
        _Row({"id": item["id"], "epoch": event["epoch"]}, item["files"], item["sample_rate_hz"])
        for item in event["items"]
    ]
    return _logged(run, "examples", rows)


def worst(review: str) -> dict[str, Any]:
    """The items of a review that gained least."""
    rows = [
        _Row(
            {"id": row["id"], "speaker": row["speaker"], "si_sdri": row["si_sdri"]}, row["files"], row["sample_rate_hz"]
        )
        for row in files.read_json(files.join(review, "worst_mixtures.json"))
    ]
    return _logged(review, "worst", rows) if rows else {}


def _logged(folder: str, key: str, rows: Sequence[_Row]) -> dict[str, Any]:
    """A table, a row an item: what went in, what was wanted and what came out, as sounds, waves and spectrograms; and
    the sounds as media of their own, which stay in the run folder while offline."""
    import wandb

    names = list(rows[0].files)
    table = wandb.Table(columns=[*rows[0].told, *(f"{name} {form}" for name in names for form in _FORMS)])
    media: dict[str, list[Any]] = {}
    for row in rows:
        cells: list[Any] = []
        for name in names:
            wav = files.read_bytes(files.join(folder, row.files[name]))
            wav_N = decode(wav, rate_hz=row.rate_hz, max_s=_LONGEST_S)
            seen = wandb.Image(image(wav_N, row.rate_hz))
            cells += [wandb.Audio(wav_N, sample_rate=row.rate_hz), wandb.Image(wave_image(wav_N)), seen]
            # W&B moves a file into the place it is logged to first: each place gets its own.
            heard = wandb.Audio(wav_N, sample_rate=row.rate_hz, caption=row.told["id"])
            media.setdefault(f"{key}/{name}", []).append(heard)
        table.add_data(*row.told.values(), *cells)
    return {key: table, **media}
