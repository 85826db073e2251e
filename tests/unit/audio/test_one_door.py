"""Encoded audio is opened in one place: a guard that is written once cannot be forgotten on a second route."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOORS = {"platform/sonant/audio/decode.py", "platform/sonant/audio/codec.py"}
# Decodes what it has itself coded from samples: no bytes come in by it.
ROUND_TRIP = {"platform/sonant/audio/lossy.py"}
WRITERS = {"platform/sonant/audio/encode.py"}
SOURCES = [path for folder in ("platform", "models", "jobs", "serve_apps") for path in (ROOT / folder).rglob("*.py")]
OPENERS = {"soundfile", "av", "audioread", "librosa", "pydub", "torchcodec", "miniaudio"}


def opens_audio(source: str) -> list[int]:
    """Lines that import a decoder, or call torchaudio.load or .info."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module or "").split(".")[0]}
            if names == {"torchaudio"} and {alias.name for alias in node.names} & {"load", "info"}:
                lines.append(node.lineno)
        elif isinstance(node, ast.Attribute) and node.attr in {"load", "info"}:
            names = {"av"} if ast.unparse(node.value) == "torchaudio" else set()
        else:
            continue
        if names & OPENERS:
            lines.append(node.lineno)
    return lines


@pytest.mark.parametrize(
    "source",
    [
        "import soundfile as sf",
        "def f():\n    import av.audio",
        "from av import open",
        "import torchaudio\ntorchaudio.load(x)",
        "from torchaudio import load",
    ],
)
def test_the_test_sees_every_way_in(source):
    assert opens_audio(source)


def test_no_other_file_opens_audio():
    assert {str(path.relative_to(ROOT)) for path in SOURCES} >= DOORS
    found = {str(path.relative_to(ROOT)) for path in SOURCES if opens_audio(path.read_text(encoding="utf-8"))}
    assert found == DOORS | ROUND_TRIP | WRITERS
