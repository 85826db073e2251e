"""The page about a run: how it went, how good it is, and the clips that it gets most wrong, to see and hear."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sonant.audio.decode import decode
from sonant.config.experiment import Experiment
from sonant.config.load import load
from sonant.metrics.per_label import LabelScores, per_label
from sonant.track import files, sounds_page
from sonant.track.detection_page import detection
from sonant.track.events import Event, history, read
from sonant.track.page.chart import Series, curves
from sonant.track.page.html import Content, Html, data_uri, duration, fold, number, page, section, table, tag, tiles
from sonant.track.page.matrix import confusion, most_confused
from sonant.track.page.png import spectrogram
from sonant.track.verification_page import verification

_STYLES = {"accuracy": 0, "uar": 1, "macro_f1": 2, "ece": 3, "auc": 0, "f1": 1, "eer": 2, "segment_error": 3,
           "si_sdri": 0, "si_sdr": 1}  # fmt: skip
_MISTAKES = 8
_LONGEST_S = 600.0


def run_page(path: str) -> str:
    """The HTML of a run folder, finished or not."""
    config: Experiment = load(Experiment, files.join(path, "config.yaml"))
    events = history(read(path))
    ends = [event for event in events if event["kind"] == "end"]
    end: Event = ends[-1] if ends else {"status": "running", "best": {}, "test": {}, "step": _steps(events)}
    parts: list[Content] = [_header(path, config, end), tiles(_figures(config, events, end)), _curves(events)]
    if end["best"]:
        parts.append(_scores(end))
    review = files.join(path, "review")
    if files.exists(files.join(review, "confusion.json")):
        parts.append(_confusions(files.read_json(files.join(review, "confusion.json"))))
    if files.exists(files.join(review, "operating.json")):
        parts.append(detection(review))
    if files.exists(files.join(review, "thresholds.json")):
        parts.append(verification(review))
    if files.exists(files.join(review, "worst_mixtures.json")):
        parts.append(sounds_page.worst(review))
    parts.append(sounds_page.examples(path, events))
    if files.exists(files.join(review, "worst.json")):
        parts.append(_worst(review))
    parts.append(_setup(path))
    return page(f"{config.name} {_id(path)}", *parts)


def setup_of(path: str) -> list[Html]:
    """A run's config and environment, to open."""
    setup = [fold("Config", tag("pre", _text(path, "config.yaml")))]
    if files.exists(files.join(path, "environment.json")):
        setup.append(fold("Environment", tag("pre", _text(path, "environment.json"))))
    return setup


def _header(path: str, config: Experiment, end: Event) -> Html:
    status = str(end["status"])
    badge = tag("span", status.replace("_", " "), cls=f"badge {status}")
    return tag("header", tag("h1", config.name), tag("span", f"run {_id(path)}"), badge)


def _figures(config: Experiment, events: Sequence[Event], end: Event) -> list[tuple[str, str, str]]:
    start = next((event for event in events if event["kind"] == "start"), None)
    epochs = [event for event in events if event["kind"] == "epoch"]
    metric = config.train.metric
    best = next((event for event in reversed(epochs) if event["best"]), None)
    figures: list[tuple[str, str, str]] = []
    if best is not None:
        figures.append((f"validation {metric}", number(best["metrics"][metric]), f"best in epoch {best['epoch']}"))
    if end["test"]:
        figures.append((f"test {metric}", number(end["test"].get(metric)), _interval(end["test"])))
    if start is not None:
        figures.append(("parameters", number(start["params"]), config.model.kind))
        figures.append(("epochs", f"{len(epochs)} / {start['epochs']}", f"{end['step']:,} steps"))
        workers = f"{start['world']} x {start['device']}" if start["world"] > 1 else start["device"]
        figures.append(("training time", duration(sum(event["seconds"] for event in epochs)), workers))
    return figures


def _interval(test: dict[str, Any]) -> str:
    for name in ("accuracy", "auc", "si_sdri"):
        if f"{name}_low" in test:
            return f"95 %: {number(test[f'{name}_low'])} to {number(test[f'{name}_high'])}"
    return ""


def _curves(events: Sequence[Event]) -> Html:
    steps = [event for event in events if event["kind"] == "step"]
    epochs = [event for event in events if event["kind"] == "epoch"]
    per_epoch = next((event["steps_per_epoch"] for event in events if event["kind"] == "start"), 1)

    def by_step(name: str) -> list[tuple[float, float]]:
        return [(event["step"] / per_epoch, _known(event[name])) for event in steps]

    def by_epoch(name: str) -> list[tuple[float, float]]:
        return [(event["epoch"], _known(event["metrics"].get(name))) for event in epochs]

    losses = [Series("training, by step", by_step("loss"), 0, thin=True),
              Series("training", [(event["epoch"], _known(event["train_loss"])) for event in epochs], 0),
              Series("validation", by_epoch("loss"), 1)]  # fmt: skip
    measured = [name for name in _STYLES if epochs and name in epochs[-1]["metrics"]]
    validation = [Series(name, by_epoch(name), _STYLES[name]) for name in measured]
    charts = [
        curves("Loss", losses, x_name="epoch"),
        curves("Validation", validation, x_name="epoch", zero=True),
        curves("Learning rate", [Series("lr", by_step("lr"), 2)], x_name="epoch", zero=True),
        curves("Gradient norm", [Series("grad norm", by_step("grad_norm"), 3)], x_name="epoch", zero=True),
    ]
    return section("Training", tag("div", *charts, cls="grid"))


def _scores(end: Event) -> Html:
    """Metrics of the best checkpoint, by split."""
    names = [name for name in end["best"] if not name.endswith(("_low", "_high"))]
    rows = [(name, number(end["best"][name]), number(end["test"].get(name))) for name in names]
    return section("Scores of the best checkpoint", table(["metric", "validation", "test"], rows))


def _confusions(found: dict[str, Any]) -> Html:
    labels: list[str] = found["labels"]
    counts = {split: np.asarray(found[split], dtype=np.int64) for split in ("validation", "test") if split in found}
    pictures = [confusion(split.capitalize(), labels, count_KK) for split, count_KK in counts.items()]
    split, count_KK = list(counts.items())[-1]
    mistakes = most_confused(labels, count_KK, _MISTAKES)
    rows = [(said, heard, str(times), f"{100 * share:.1f} %") for said, heard, times, share in mistakes]
    listed = table(["said", "heard", f"times ({split})", "of what was said"], rows) if rows else ""
    about = "Rows are what was said, columns what was heard. The darker, the larger the share of the row."
    by_label = label_table(per_label(count_KK, labels), split)
    return section("Confusions", tag("div", *pictures, cls="grid"), tag("p", ""), listed, by_label, about=about)


def label_table(found: Mapping[str, LabelScores], split: str) -> Html:
    """Precision, recall and F1 of each label."""
    rows = [
        (label, number(one["precision"]), number(one["recall"]), number(one["f1"]), str(one["clips"]))
        for label, one in found.items()
    ]
    return table([f"label ({split})", "precision", "recall", "F1", "clips"], rows)


def _worst(review: str) -> Html:
    rows: list[dict[str, Any]] = files.read_json(files.join(review, "worst.json"))
    cards = [_sound(row, files.read_bytes(files.join(review, row["file"]))) for row in rows]
    about = "The validation clips with the highest loss, worst first: wrong labels and bad recordings are found here."
    return section("Worst clips", tag("div", *cards, cls="sounds"), about=about) if cards else Html("")


def _sound(row: dict[str, Any], wav: bytes) -> Html:
    rate_hz: int = row["sample_rate_hz"]
    picture = data_uri(spectrogram(decode(wav, rate_hz=rate_hz, max_s=_LONGEST_S), rate_hz), "image/png")
    heard = tag("span", row["predicted"], cls="bad" if row["predicted"] != row["label"] else None)
    return tag(
        "div",
        tag("img", src=picture, alt=f"spectrogram of {row['id']}"),
        tag("audio", "", controls="controls", preload="metadata", src=data_uri(wav, "audio/wav")),
        tag("div", tag("b", row["label"]), " heard as ", heard, f", score {number(row['score'])}"),
        tag("small", f"loss {number(row['loss'])}, {row['id']}"),
        cls="card",
    )


def _setup(path: str) -> Html:
    return section("Setup", *setup_of(path))


def _text(path: str, name: str) -> str:
    text = files.read_bytes(files.join(path, name)).decode()
    return json.dumps(json.loads(text), indent=2) if name.endswith(".json") else text


def _id(path: str) -> str:
    return path.rpartition("/")[2]


def _steps(events: Sequence[Event]) -> int:
    return max((event.get("step", 0) for event in events), default=0)


def _known(value: float | None) -> float:
    """null stands for NaN in events."""
    return float("nan") if value is None else value
