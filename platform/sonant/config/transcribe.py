"""How recordings become text: which engine, where speech is, and whether sound is cleaned first."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.base import Section


class SphinxEngine(Section):
    """PocketSphinx (extra `sphinx`): its wheel brings a small model of US English, so that nothing is downloaded."""

    kind: Literal["pocketsphinx"]
    language_weight: Annotated[float, Field(gt=0)] = 6.5
    """Weight of the language model against the sound; the engine's own default."""
    max_states: Annotated[int, Field(ge=100)] = 5000
    """Most states that are searched in a 10 ms frame; 5000 got no fewer words right than the engine's 30000, sooner."""


class WhisperEngine(Section):
    """A Whisper model in CTranslate2's form (extra `transcribe`): a folder, or a name on the hub if that is reached."""

    kind: Literal["faster_whisper"]
    model: Annotated[str, Field(min_length=1)]
    """Folder with model.bin, config.json, tokenizer.json and vocabulary; or a name on the hub (small, owner/name)."""
    revision: str | None = None
    """Commit of the hub's repository; null takes its newest."""
    sha256: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = {}
    """Hashes of the model's files by name, checked before it is loaded; name model.bin at least."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where it runs; auto takes a GPU when there is one."""
    compute_type: str = "default"
    """CTranslate2's arithmetic: default (as stored), int8, int8_float16, float16, float32, ..."""
    threads: Annotated[int, Field(ge=1)] = 1
    """CPU threads of a replica."""
    beam_size: Annotated[int, Field(ge=1, le=16)] = 5
    """Hypotheses that are followed side by side."""


EngineConfig = Annotated[SphinxEngine | WhisperEngine, Field(discriminator="kind")]


class Cutting(Section):
    """How a recording is cut into pieces for the engine: at pauses, so that its length does not matter."""

    max_s: Annotated[float, Field(ge=5, le=30)] = 28.0
    """Longest piece; speech without a pause is cut where it is quietest."""
    join_s: Annotated[float, Field(gt=0, le=5)] = 0.6
    """Stretches of speech with a shorter pause between them stay in one piece."""
    pad_s: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Sound that is kept before and after the speech of a piece."""


EnhanceMode = Literal["auto", "on", "off"]


class TranscribeConfig(Section):
    """From a recording to its text."""

    engine: EngineConfig
    """What recognises speech."""
    detector: str | None = None
    """Bundle of a speech detector (folder, URL or STORE/NAME@ALIAS) that finds the pauses; null: by loudness."""
    detector_point: str | None = None
    """Its operating point; null: the bundle's own choice."""
    enhancer: str | None = None
    """Bundle of an enhancer that can clean pieces before they are recognised; null: there is none."""
    enhance: EnhanceMode = "auto"
    """Where a request says nothing: on, off, or auto: only pieces noisier than `enhance_below_db`."""
    enhance_below_db: float | None = None
    """Signal-to-noise ratio in dB below which `auto` cleans a piece; `sonant evaluate CONFIG MANIFEST --transcripts`
    finds one with which fewer words are wrong than without; null: none was found, and auto cleans nothing."""
    cutting: Cutting = Cutting()
