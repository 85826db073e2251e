"""W&B as a mirror of a run: what it shows is in the run folder too, and nothing is lost without it."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, cast

import pyarrow.parquet as pq

from sonant.audio.decode import decode
from sonant.config.experiment import Experiment
from sonant.config.track import TrackConfig
from sonant.errors import EnvError
from sonant.track import files, wandb_sounds
from sonant.track.events import Event
from sonant.track.spectrogram import image

if TYPE_CHECKING:
    import wandb

log = logging.getLogger(__name__)

Mode = Literal["online", "offline", "off"]

_STEP_CURVES = ("loss", "lr", "grad_norm", "data_share", "steps_per_s")
_LONGEST_S = 600.0
_WORST_COLUMNS = ("id", "label", "predicted", "score", "loss")


@contextmanager
def mirror(run: str, cfg: Experiment) -> Generator[Callable[[Event], None]]:
    """Opens the W&B run of the run folder at `run`; the function it gives takes events. Turned off, it does nothing."""
    mode = choose_mode(cfg.track)
    if mode == "off":
        yield _ignore
        return
    import wandb

    opened = wandb.init(
        project=cfg.track.project,
        group=cfg.track.group,
        job_type="repeat" if _folder(run) == "repeats" else "trial" if cfg.track.group else "train",
        id=identity(run),
        name=f"{cfg.name} {identity(run)}",
        config={**cfg.model_dump(mode="json"), "environment": files.read_json(files.join(run, "environment.json"))},
        mode=mode,
        resume="allow",
        dir=files.on_disk(run),
        settings=wandb.Settings(silent=True, console="off", disable_git=True, save_code=False),
    )
    failed = True
    try:
        yield lambda event: _log(opened, run, event)
        failed = False
    except SystemExit:  # a search cuts its trial short
        failed = False
        raise
    finally:
        opened.finish(exit_code=int(failed))


def identity(run: str) -> str:
    """A W&B id for a run folder: its name. A trial's (<sweep>/trials/<n>) is only a number, and its config's with
    another seed (<sweep>/repeats/<n>-seed<s>) not much more: the sweep's comes first."""
    *_, above, _, name = ("", "", *run.split("/"))
    return f"{above}-{name}" if _folder(run) in {"trials", "repeats"} else name


def _folder(run: str) -> str:
    """The name of the folder that a run folder lies in."""
    *_, folder, _ = ("", *run.split("/"))
    return folder


def choose_mode(settings: TrackConfig) -> Mode:
    """What `track.wandb` comes to on this machine. Not installed: `auto` says so in the log, others are errors."""
    if settings.wandb == "off":
        return "off"
    missing = [name for name in ("wandb", "matplotlib") if find_spec(name) is None]
    if missing and settings.wandb == "auto":
        log.info("%s is not installed: no W&B for this run", missing[0])
        return "off"
    if missing:
        raise EnvError(
            "env.missing_extra",
            f"track.wandb={settings.wandb} needs {' and '.join(missing)}",
            hint="pip install 'sonant[review]', or track.wandb=off",
        )
    if settings.wandb == "auto":
        return "online" if os.environ.get("WANDB_API_KEY") else "offline"
    return settings.wandb


def _ignore(event: Event) -> None:
    pass


def _log(opened: wandb.Run, run: str, event: Event) -> None:
    match event["kind"]:
        case "start":
            opened.summary.update({"params": event["params"], "world": event["world"], "device": event["device"]})
        case "step":
            curves = {f"train/{name}": event[name] for name in _STEP_CURVES}
            opened.log(_known({"epoch": event["epoch"], **curves}), step=event["step"])
        case "epoch":
            curves = {f"validation/{name}": value for name, value in event["metrics"].items()}
            opened.log(_known({"train/epoch_loss": event["train_loss"], **curves}), step=event["step"])
        case "examples" if event["items"]:
            opened.log(wandb_sounds.examples(run, event), step=event["step"])
        case "end":
            scores = {f"{split}/{name}": value for split in ("best", "test") for name, value in event[split].items()}
            opened.summary.update(_known({"status": event["status"], **scores}))
            if event["status"] != "failed":
                opened.log(_review(files.join(run, "review")), step=event["step"])
        case _:
            pass


def _known(values: dict[str, Any]) -> dict[str, Any]:
    """W&B draws null as 0: values that were NaN are left out."""
    return {name: value for name, value in values.items() if value is not None}


def _review(folder: str) -> dict[str, Any]:
    """What the job is judged by (confusion matrices; operating points and the DET picture), and the worst clips to see
    and hear."""
    parts = {
        "confusion.json": _confusions,
        "operating.json": _detection,
        "thresholds.json": _verification,
        "worst.json": _worst,
        "worst_mixtures.json": wandb_sounds.worst,
    }
    shown: dict[str, Any] = {}
    for file, part in parts.items():
        if files.exists(files.join(folder, file)):
            shown |= part(folder)
    return shown


def _detection(folder: str) -> dict[str, Any]:
    """Operating points as a table, and the DET picture."""
    import wandb

    found: dict[str, Any] = files.read_json(files.join(folder, "operating.json"))
    rates = ["miss", "false_alarm", "false_alarms_per_hour"]
    table = wandb.Table(columns=["split", "point", "label", "on", "off", *rates])
    for split in (name for name in found if name != "labels"):
        for name, points in found[split].items():
            for label, point in zip(found["labels"], points, strict=True):
                rule = point["postprocess"]
                table.add_data(split, name, label, rule["on"], rule["off"], *(point[rate]["value"] for rate in rates))
    return {"operating_points": table} | _det(folder)


def _verification(folder: str) -> dict[str, Any]:
    """Likewise of an embedder."""
    import wandb

    found: dict[str, Any] = files.read_json(files.join(folder, "thresholds.json"))
    rates = ["false_accept", "false_reject"]
    table = wandb.Table(columns=["split", "point", "threshold", *rates])
    for split, points in found.items():
        for name, point in points.items():
            table.add_data(split, name, point["threshold"], *(point[rate]["value"] for rate in rates))
    return {"operating_points": table} | _det(folder)


def _det(folder: str) -> dict[str, Any]:
    """The DET picture, where one was drawn."""
    import wandb
    from PIL import Image  # matplotlib needs it, and W&B mirrors nothing without matplotlib

    if not files.exists(files.join(folder, "det.png")):
        return {}
    return {"det": wandb.Image(Image.open(io.BytesIO(files.read_bytes(files.join(folder, "det.png")))))}


def _confusions(folder: str) -> dict[str, Any]:
    import wandb

    labels = cast(list[str], files.read_json(files.join(folder, "confusion.json"))["labels"])
    table = pq.read_table(io.BytesIO(files.read_bytes(files.join(folder, "predictions.parquet"))))
    shown: dict[str, Any] = {}
    rows_of: dict[str, list[dict[str, Any]]] = {}
    for row in cast(list[dict[str, Any]], table.to_pylist()):
        rows_of.setdefault(row["split"], []).append(row)
    for split, rows in rows_of.items():
        shown[f"confusion/{split}"] = wandb.plot.confusion_matrix(
            y_true=[labels.index(row["label"]) for row in rows],
            preds=[labels.index(row["predicted"]) for row in rows],
            class_names=labels,
            title=f"Confusion matrix, {split}",
        )
    return shown


def _worst(folder: str) -> dict[str, Any]:
    """The worst clips as a table to sort, and as media of their own: while offline, W&B keeps sounds of a table in the
    user's data folder, and only the media lie in the run folder."""
    import wandb

    table = wandb.Table(columns=[*_WORST_COLUMNS, "audio", "spectrogram"])
    sounds: list[wandb.Audio] = []
    pictures: list[wandb.Image] = []
    for row in cast(list[dict[str, Any]], files.read_json(files.join(folder, "worst.json"))):
        rate_hz = cast(int, row["sample_rate_hz"])
        wav_N = decode(files.read_bytes(files.join(folder, row["file"])), rate_hz=rate_hz, max_s=_LONGEST_S)
        caption = f"{row['id']}: {row['label']} heard as {row['predicted']}"
        # W&B moves a file into the place it is logged to first: each place gets its own.
        sounds.append(wandb.Audio(wav_N, sample_rate=rate_hz, caption=caption))
        pictures.append(wandb.Image(image(wav_N, rate_hz), caption=caption))
        heard, seen = wandb.Audio(wav_N, sample_rate=rate_hz), wandb.Image(image(wav_N, rate_hz))
        table.add_data(*(row[name] for name in _WORST_COLUMNS), heard, seen)
    return {"worst": table, "worst/audio": sounds, "worst/spectrogram": pictures}
