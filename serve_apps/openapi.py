"""Writes docs/openapi.json: every route of every application, as a server with keys documents it at /openapi.json.

python -m serve_apps.openapi

The applications are put together as their replicas do it, but around descriptions of bundles that have no files:
nothing is asked of them, nothing is loaded, and no Ray is started.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

from serve_apps import classify, detect, embed, enhance, extract, home, speakers, tensors, transcribe, verify
from serve_apps.stages import Extractor, Pipeline, Postprocess
from sonant.config import serve as config
from sonant.edge import face
from sonant.edge.door import at_home, at_speakers
from sonant.edge.metrics import Metrics
from sonant.edge.openapi import Document, merge
from sonant.runtime.bundle import Bundle
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.engine import Engine
from sonant.runtime.info import BundleInfo
from sonant.runtime.transcribe.heard import Ask, Heard
from sonant.runtime.transcribe.speech import by_loudness
from sonant.runtime.transcribe.transcriber import Transcriber
from sonant.runtime.voices import VoiceEngine

FILE = Path(__file__).parents[1] / "docs" / "openapi.json"
_CREATED = "2025-11-21T03:18:22+00:00"
_SPEAKERS = "memory://speakers"
_RATE = {"value": 0.01, "low": 0.0, "high": 0.02}
_FRAMES = {"frame": 160, "causal": True, "window": 320_000, "context": 16_000}
_SEGMENTS = {"postprocess": {}, "miss": _RATE, "false_alarm": _RATE, "false_alarms_per_hour": _RATE, "hours": 1.0}
_PAIRS = {"threshold": 0.48, "false_accept": _RATE, "false_reject": _RATE, "same": 900, "different": 9000}
_OF_TASK: dict[str, dict[str, Any]] = {
    "classify": {"labels": ["_silence_", "no", "yes"], "background": ["_silence_"]},
    "detect": {
        "labels": ["speech"],
        "detect": {"layout": _FRAMES, "points": {"balanced": [_SEGMENTS], "low_fa": [_SEGMENTS]}},
    },
    "embed": {"embed": {"size": 192, "target": "speaker", "points": {"equal_error": _PAIRS}}},
    "extract": {"extract": {"voice_size": 128, "presence": True}},
    "enhance": {"enhance": {}},
}
"""What bundle.json says of a bundle of each task, besides what they all say."""


def bundle(task: str) -> Bundle:
    """A bundle that is nothing but its description."""
    tensor = {"name": "wav", "dtype": "float32", "shape": ["B", "N"]}
    roles = ("model", "step", *(("enroll",) if task == "extract" else ()))
    told = {
        "schema_version": 1,
        "name": task,
        "version": "20251121-031822",
        "created": _CREATED,
        "task": task,
        "labels": [],
        "background": [],
        "events": {},
        "sample_rate_hz": 16_000,
        "clip_s": 1.0,
        "hop": 160,
        "graphs": {role: {"file": f"{role}.onnx", "inputs": [tensor], "outputs": [tensor]} for role in roles},
        "metrics": {"test.loss": 0.1},
        "parity": {},
        "provenance": {"run": "", "config_sha256": "0" * 64, "corpus": "", "corpus_sha256": "", "versions": {}},
        "files": {f"{role}.onnx": "0" * 64 for role in roles},
        **_OF_TASK[task],
    }
    return Bundle(BundleInfo.model_validate(told), Path(), "")


class _Unloaded:
    """What would be told by a graph."""

    provider = "CPUExecutionProvider"


class _Engine(_Unloaded, Engine): ...  # pyright: ignore[reportIncompatibleMethodOverride]


class _Voices(_Unloaded, VoiceEngine): ...  # pyright: ignore[reportIncompatibleMethodOverride]


class _Enhancer(_Unloaded, EnhanceEngine): ...  # pyright: ignore[reportIncompatibleMethodOverride]


class _Recogniser:
    """An engine that hears nothing."""

    model, languages = "faster_whisper/small", ("de", "en")

    def hear(self, wav_N: Any, ask: Ask) -> Heard:
        """It is not asked."""
        return _unasked(wav_N, ask)


class _Models(tensors.Models):
    """Graphs that nobody runs."""

    def __init__(self) -> None:
        """Opens nothing."""


def _unasked(*told: object) -> NoReturn:
    raise AssertionError("descriptions are not asked")


def documents() -> dict[str, Document]:
    """The document of each application, by its usual route."""
    metrics = Metrics("none", "none", "1")

    def heard(make: Any, app: config.ModelApp, task: str) -> Document:
        engine = _Engine(bundle(task))
        pipeline = Pipeline(Extractor(engine.info, app.limits), _unasked, Postprocess(engine.info))
        rule = {"rule": at_speakers} if isinstance(app, config.SpeakersApp) else {}
        return face.openapi(make(app, engine, pipeline, metrics).api, **rule)

    voices, enhancer = _Voices(bundle("extract")), _Enhancer(bundle("enhance"))
    speaking = config.TranscribeApp.model_validate({"engine": {"kind": "faster_whisper", "model": "small"}})
    transcriber = Transcriber(speaking, _Recogniser(), by_loudness)
    running = config.TensorsApp(models={"words": "none"})
    feeling = config.ClassifyApp(bundle="none", answer="emotion")
    keeping = config.EnhanceApp(bundle="none", store_url="memory://results")
    return {
        "/v1/audio/classifications": heard(classify.create_face, config.ClassifyApp(bundle="none"), "classify"),
        "/v1/audio/emotions": heard(classify.create_face, feeling, "classify"),
        "/v1/audio/detections": heard(detect.create_face, config.DetectApp(bundle="none"), "detect"),
        "/v1/audio/embeddings": heard(embed.create_face, config.EmbedApp(bundle="none"), "embed"),
        "/v1/audio/verifications": heard(
            verify.create_face, config.VerifyApp(bundle="none", speakers=_SPEAKERS), "embed"
        ),
        "/v1/speakers": heard(speakers.create_face, config.SpeakersApp(bundle="none", speakers=_SPEAKERS), "embed"),
        "/v1/audio/extractions": face.openapi(
            extract.create_face(config.ExtractApp(bundle="none", speakers=_SPEAKERS), voices, metrics).api
        ),
        "/v1/audio/enhancements": face.openapi(enhance.create_face(keeping, enhancer, metrics).api),
        "/v1/audio/transcriptions": face.openapi(transcribe.create_api(speaking, transcriber, metrics)),
        "/v2": face.openapi(tensors.create_api(running, _Models(), metrics)),
        "": face.openapi(home.create_api(config.HomeApp(), home.ServeDirectory()), at_home),
    }


def text() -> str:
    """The document as JSON."""
    return json.dumps(merge("sonant", documents(), keys=True), indent=1) + "\n"


def main() -> None:
    """Writes the file."""
    FILE.write_text(text(), encoding="ascii")


if __name__ == "__main__":
    main()
