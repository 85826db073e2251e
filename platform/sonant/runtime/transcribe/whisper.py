"""Whisper models (Radford et al. 2022) in CTranslate2, through faster-whisper.

The model is a folder, or a name on the hub. Its files are compared with the hashes of the config before any of them is
loaded: a file that is not the one that was chosen never runs.
"""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
from typing import Any

import faster_whisper

from sonant.config.transcribe import WhisperEngine
from sonant.errors import BundleError
from sonant.runtime.scores import Floats
from sonant.runtime.transcribe.heard import RATE_HZ, Ask, Heard, Utterance, Word

_log = logging.getLogger(__name__)
_WEIGHTS = "model.bin"


class Whisper:
    """The model. CTranslate2 takes calls of several threads in turns."""

    def __init__(self, config: WhisperEngine, folder: Path) -> None:
        try:
            self._model: Any = faster_whisper.WhisperModel(
                str(folder), device=config.device, compute_type=config.compute_type, cpu_threads=config.threads
            )
        except (RuntimeError, ValueError) as error:
            raise BundleError(
                "bundle.invalid", f"{folder} is no Whisper model that CTranslate2 reads: {error}"
            ) from error
        self._beam_size = config.beam_size
        self.model = f"faster-whisper/{os.path.basename(config.model.rstrip('/'))}"
        self.languages: tuple[str, ...] = tuple(self._model.supported_languages)

    def hear(self, wav_N: Floats, ask: Ask) -> Heard:
        """The words of a piece."""
        sampling = {} if ask.temperature is None else {"temperature": ask.temperature}
        found, info = self._model.transcribe(
            wav_N,
            language=ask.language,
            initial_prompt=ask.prompt,
            word_timestamps=ask.words,
            beam_size=self._beam_size,
            condition_on_previous_text=False,  # pieces stand alone: an error of one does not run on
            **sampling,
        )
        return Heard(str(info.language), tuple(_utterance(part, len(wav_N)) for part in found if part.text.strip()))


def open_model(config: WhisperEngine) -> Whisper:
    """Finds the folder of a model, compares its files with their hashes, and loads it."""
    folder = Path(config.model) if os.path.isdir(config.model) else _fetched(config)
    verify(folder, config.sha256)
    return Whisper(config, folder)


def verify(folder: Path, sha256: dict[str, str]) -> None:
    """Refuses a folder in which a file is not the one whose hash is given."""
    if _WEIGHTS not in sha256:
        _log.warning("%s is not pinned: set engine.sha256 to the hashes of its files", folder)
    for name, wanted in sha256.items():
        if os.path.basename(name) != name or not (folder / name).is_file():
            raise BundleError("bundle.invalid", f"the model {folder} has no file {name!r}")
        with open(folder / name, "rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != wanted:
                hint = "fetch the model again, or write the hash of the one that is meant"
                raise BundleError("bundle.tampered", f"{folder / name} differs from engine.sha256", hint=hint)


def _fetched(config: WhisperEngine) -> Path:
    """The folder of a model of the hub, from its cache where it is there already."""
    if config.model.startswith((".", "/")) or config.model.count("/") > 1:
        raise BundleError(
            "bundle.not_found", f"there is no folder {config.model}", hint="check the path of engine.model"
        )
    try:
        return Path(faster_whisper.download_model(config.model, revision=config.revision))
    except Exception as error:  # whatever the hub's client meets: no name, no network, no disk
        hint = "give the folder of a converted model: model.bin, config.json, tokenizer.json, vocabulary.json"
        raise BundleError(
            "bundle.not_found", f"the model {config.model!r} could not be fetched: {error}", hint=hint
        ) from error


def _utterance(part: Any, samples: int) -> Utterance:
    # With word times, numbers are numpy's; and a model may believe that somebody spoke after the end.
    words = tuple(
        Word(float(word.start), float(word.end), word.word.strip(), float(word.probability))
        for word in part.words or ()
    )
    end_s = min(float(part.end), samples / RATE_HZ)
    return Utterance(
        min(float(part.start), end_s),
        end_s,
        part.text.strip(),
        words,
        float(part.avg_logprob),
        float(part.no_speech_prob),
    )
