"""The review of a network whose answer is sound, in W&B: the items that gained least, to listen to and to see."""

from __future__ import annotations

from typing import Any, cast

from sonant.audio.decode import decode
from sonant.track import files
from sonant.track.spectrogram import image

FILE = "worst_mixtures.json"
_LONGEST_S = 600.0


def worst_mixtures(folder: str) -> dict[str, Any]:
    """A table with a row for each: who, how much it gained, and sound and spectrogram of all that went in and came out;
    and the same as media, which alone lie in the run folder while W&B is offline."""
    import wandb

    rows = cast(list[dict[str, Any]], files.read_json(files.join(folder, FILE)))
    if not rows:
        return {}
    kinds = list(rows[0]["files"])
    columns = [column for what in kinds for column in (what, f"{what} spectrogram")]
    table = wandb.Table(columns=["id", "speaker", "si_sdri", *columns])
    sounds: dict[str, list[Any]] = {what: [] for what in kinds}
    pictures: dict[str, list[Any]] = {what: [] for what in kinds}
    for row in rows:
        cells: list[Any] = []
        for what in kinds:
            rate_hz = cast(int, row["sample_rate_hz"])
            wav_N = decode(files.read_bytes(files.join(folder, row["files"][what])), rate_hz=rate_hz, max_s=_LONGEST_S)
            caption = f"{what} of {row['id']}, {row['si_sdri']:.1f} dB gained"
            # W&B moves a file into the place it is logged to first: each place gets its own.
            cells += [wandb.Audio(wav_N, sample_rate=rate_hz), wandb.Image(image(wav_N, rate_hz))]
            sounds[what].append(wandb.Audio(wav_N, sample_rate=rate_hz, caption=caption))
            pictures[what].append(wandb.Image(image(wav_N, rate_hz), caption=caption))
        table.add_data(row["id"], row["speaker"], row["si_sdri"], *cells)
    media = {f"worst/{what}/audio": each for what, each in sounds.items()}
    return {"worst": table} | media | {f"worst/{what}/spectrogram": each for what, each in pictures.items()}
