"""How far a training is, for a person: one line that rewrites itself on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import TextIO

from sonant.track.events import Event

_BAR = 24


class Display:
    """Shows events on a text stream. `metric` is the one that decides which checkpoint is best."""

    def __init__(self, stream: TextIO, metric: str) -> None:
        self._stream = stream
        self._metric = metric
        self._live = stream.isatty()
        self._width = 0
        self._steps = self._first = 0
        self._start: Event = {}
        self._valid = ""
        self._began = time.monotonic()

    def __call__(self, event: Event) -> None:
        match event["kind"]:
            case "start":
                self._start, self._first, self._began = event, event["step"], time.monotonic()
                self._steps = event["epochs"] * event["steps_per_epoch"]
                self._line(start_line(event))
            case "step" if self._live:
                self._rewrite(f"{self._bar(event)}  {step_text(event)}{self._valid}  {self._left(event)}")
            case "epoch":
                value = event["metrics"].get(self._metric)
                self._valid = f"  {self._metric} {number(value)}"
                if not self._live:
                    self._line(f"{epoch_text(event, self._start['epochs'])}{self._valid}")
            case "end":
                self._line(end_line(event, self._metric))
            case _:
                pass

    def _bar(self, event: Event) -> str:
        filled = _BAR * event["step"] // max(1, self._steps)
        return f"epoch {event['epoch']}/{self._start['epochs']} [{'#' * filled:-<{_BAR}}] {event['step']}/{self._steps}"

    def _left(self, event: Event) -> str:
        """Time to go, at the pace since the start, validation and checkpoints included."""
        done = event["step"] - self._first
        seconds = (time.monotonic() - self._began) / max(1, done) * (self._steps - event["step"])
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d} left"

    def _rewrite(self, text: str) -> None:
        self._stream.write(f"\r{text:<{self._width}}")
        self._stream.flush()
        self._width = len(text)

    def _line(self, text: str) -> None:
        """A line that stays; on a terminal it takes the place of the one that was being rewritten."""
        self._stream.write(f"\r{text:<{self._width}}\n" if self._live else f"{text}\n")
        self._stream.flush()
        self._width = 0


def start_line(event: Event) -> str:
    """What is about to be trained, and on what."""
    workers = f"{event['world']} x {event['device']}" if event["world"] > 1 else event["device"]
    resumed = f", continued from step {event['step']}" if event["step"] else ""
    return f"{event['name']} {event['id']}: {event['params']:,} parameters on {workers}{resumed}"


def step_text(event: Event) -> str:
    """Loss, pace, and how much of the time was spent waiting for data."""
    return f"loss {number(event['loss'])}  {event['steps_per_s']:.1f} steps/s  data {100 * event['data_share']:.0f} %"


def epoch_text(event: Event, epochs: int) -> str:
    """An epoch that is over; a star marks the best so far."""
    star = "*" if event["best"] else " "
    return f"epoch {event['epoch']}/{epochs} {star} {event['seconds']:.1f} s  loss {number(event['train_loss'])}"


def end_line(event: Event, metric: str) -> str:
    """How it ended, and how good the best checkpoint is."""
    if event["status"] == "failed":
        return f"failed: {event['message']}"
    scores = {"validation": event["best"], "test": event["test"]}
    text = "  ".join(f"{split} {metric} {number(values[metric])}" for split, values in scores.items() if values)
    return f"{event['status'].replace('_', ' ')} after {event['step']} steps, {event['seconds']:.1f} s  {text}"


def number(value: float | None) -> str:
    """Four digits; null stands for NaN and infinity in events."""
    return "nan" if value is None else f"{value:.4f}"
