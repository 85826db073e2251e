"""Engines that recognise speech, behind one interface. Each comes with an extra, and is imported when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol, cast

from sonant.config.transcribe import EngineConfig
from sonant.errors import EnvError, RequestError
from sonant.runtime.scores import Floats
from sonant.runtime.transcribe.heard import Ask, Heard


class Recogniser(Protocol):
    """One model in memory; it hears one piece at a time."""

    @property
    def model(self) -> str:
        """What answers are signed with: KIND/NAME."""
        ...

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes of what it understands."""
        ...

    def hear(self, wav_N: Floats, ask: Ask) -> Heard:
        """The words in a piece of at most 30 s, mono at RATE_HZ."""
        ...


_ENGINES: Mapping[str, tuple[str, str]] = {
    "pocketsphinx": ("sphinx", "sphinx"),
    "faster_whisper": ("whisper", "transcribe"),
}
"""By kind, the module of this folder that opens it, and the extra that brings its package."""


def open_engine(config: EngineConfig) -> Recogniser:
    """Loads the model of an engine."""
    name, extra = _ENGINES[config.kind]
    try:
        module = import_module(f"sonant.runtime.transcribe.{name}")
    except ModuleNotFoundError as error:
        hint = f"pip install 'sonant[{extra}]'"
        raise EnvError("env.missing_extra", f"the engine {config.kind} needs {error.name}", hint=hint) from error
    return cast(Callable[[Any], Recogniser], module.open_model)(config)


def check_language(recogniser: Recogniser, language: str | None) -> None:
    """A language that a caller names must be one of the engine's."""
    if language is not None and language not in recogniser.languages:
        known = recogniser.languages
        told = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
        message = f"{recogniser.model} does not know the language {language[:16]!r}"
        raise RequestError("request.invalid", message, hint=f"it knows {told}")
