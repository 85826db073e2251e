"""Files played as if live, and microphones that are not there."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sonant.audio.wav import encode_wav
from sonant.errors import EnvError
from sonant.listen.source import from_file, from_microphone


def test_a_file_comes_in_chunks_no_sooner_than_it_would_be_spoken(tmp_path: Path) -> None:
    wav_N = np.linspace(-0.5, 0.5, 2100, dtype=np.float32)
    (tmp_path / "a.wav").write_bytes(encode_wav(wav_N, 8000))
    waits: list[float] = []
    chunks = list(from_file(str(tmp_path / "a.wav"), 8000, pause=waits.append))
    assert [len(chunk) for chunk in chunks] == [400, 400, 400, 400, 400, 100]
    np.testing.assert_allclose(np.concatenate(chunks), wav_N, atol=1e-4)
    # Nobody really waited, so each chunk is further ahead of the clock.
    assert waits == sorted(waits)
    assert 0.2 < waits[-1] <= 2100 / 8000
    assert len(list(from_file(str(tmp_path / "a.wav"), 8000, fast=True, pause=pytest.fail))) == 6


class Refused(Exception):
    pass


def sounddevice(blocks: list[np.ndarray] | None) -> types.ModuleType:
    """A stand-in for the library: with blocks, a microphone that hears them; without, none."""
    module: Any = types.ModuleType("sounddevice")
    module.PortAudioError = Refused
    module.opened = []

    class InputStream:
        def __init__(self, *, callback: Any, **settings: Any) -> None:
            module.opened.append(settings)
            if blocks is None:
                raise Refused("Error querying device -1")
            for block in blocks:
                callback(block, len(block), None, None)

        def __enter__(self) -> InputStream:
            return self

        def __exit__(self, *error: object) -> None:
            module.opened.append("closed")

    module.InputStream = InputStream
    return module


def test_a_microphone_is_heard_until_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = sounddevice([np.full((800, 1), value, np.float64) for value in (0.1, 0.2)])
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    chunks = from_microphone(16_000, "3")
    assert [float(next(chunks)[0]) for _ in range(2)] == [pytest.approx(0.1), pytest.approx(0.2)]
    chunks.close()
    opened, closed = module.opened
    assert (opened["device"], opened["samplerate"], opened["blocksize"], closed) == (3, 16_000, 800, "closed")


def test_no_device_and_no_library_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", sounddevice(None))
    with pytest.raises(EnvError, match="no microphone") as caught:
        next(from_microphone(16_000))
    assert caught.value.code == "env.no_device"
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(EnvError, match="not installed") as caught:
        next(from_microphone(16_000))
    assert caught.value.code == "env.missing_extra"
    assert "--file" in caught.value.hint


def test_a_missing_c_library_is_no_device(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(EnvError, match="PortAudio") as caught:
        next(from_microphone(16_000))
    assert caught.value.code == "env.no_device"
