"""Which type a config file has, told by its keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sonant.config.experiment import Experiment
from sonant.config.prepare import PrepareConfig
from sonant.config.serve import ServeFile
from sonant.config.transcribe import TranscribeConfig


def kind_of(data: Mapping[str, Any]) -> Any:
    """The section type for a merged config: serving has applications, transcription an engine, a corpus has `out`, the
    rest are experiments."""
    if "applications" in data:
        return ServeFile
    if "engine" in data:
        return TranscribeConfig
    return PrepareConfig if "out" in data else Experiment
