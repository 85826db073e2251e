"""Long recordings part by part from a process: the same samples, in bounded memory on both sides."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf

from sonant.audio import sandbox_parts
from sonant.audio.decode import decode
from sonant.audio.nursery import Nursery
from sonant.audio.sandbox_parts import sandboxed_parts
from sonant.audio.sandbox_wire import PART_SAMPLES
from sonant.audio.wav import encode_wav
from sonant.errors import AudioError

LIMITS: dict[str, Any] = {"rate_hz": 16_000, "max_s": 900.0, "max_bytes": 32 << 20}
Parts = Callable[..., Generator[np.ndarray]]


@pytest.fixture
def parts(nursery: Nursery) -> Parts:
    def begin(data: bytes, timeout_s: float = 20.0, **limits: Any) -> Generator[np.ndarray]:
        return sandboxed_parts(data, **LIMITS | limits, timeout_s=timeout_s, nursery=nursery)

    return begin


@cache
def flac(seconds: float) -> bytes:
    file = io.BytesIO()
    noise_N = 0.1 * np.random.default_rng(0).standard_normal(round(seconds * 16_000))
    sf.write(file, noise_N, 16_000, format="FLAC")
    return file.getvalue()


def test_parts_are_the_whole(parts: Parts, encode: Any, sound: Any) -> None:
    for data in (flac(10), encode("webm", sound(2, 48_000), 48_000), encode_wav(np.zeros(9, np.float32), 8000)):
        np.testing.assert_array_equal(np.concatenate(list(parts(data))), decode(data, **LIMITS))


def test_plain_wav_needs_no_process() -> None:
    made = Nursery()
    data = encode_wav(np.zeros(9, np.float32), 16_000)
    assert sum(map(len, sandboxed_parts(data, **LIMITS, timeout_s=1, nursery=made))) == 9
    assert made.pid is None


def test_a_long_recording_is_never_there_as_a_whole(parts: Parts, nursery: Any, pid_of: Any, encode: Any) -> None:
    """Ten minutes, 38 MB decoded: the process waits with a part while nobody asks, and does not grow by it."""
    data = encode("flac", np.zeros((600 * 16_000, 1), np.float32), 16_000)
    stream = parts(data)
    seen = len(next(stream))
    pid = pid_of(nursery.last)
    most_kib = 0
    for wav_N in stream:
        assert len(wav_N) <= PART_SAMPLES
        seen += len(wav_N)
        status = Path(f"/proc/{pid}/status")
        if seen % (20 * PART_SAMPLES) == 0 and status.exists():
            rss = [line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("RssAnon")]
            most_kib = max(most_kib, int(rss[0].split()[1])) if rss else most_kib
    assert seen == 600 * 16_000
    assert 0 < most_kib < (30 << 10) + (16 << 10), "what all children share, and some blocks"


def test_errors_are_those_of_decode(parts: Parts) -> None:
    for data, limits, code in (
        (b"fLaC" + bytes(50), {}, "audio.undecodable"),
        (flac(3), {"max_s": 2.0}, "audio.too_long"),
        (bytes(2000), {"max_bytes": 1000}, "audio.too_big"),
        (b"what is this", {}, "audio.unsupported"),
    ):
        with pytest.raises(AudioError) as caught:
            list(parts(data, **limits))
        with pytest.raises(AudioError) as wanted:
            decode(data, **LIMITS | limits)
        assert (caught.value.code, caught.value.message) == (wanted.value.code, wanted.value.message)
        assert caught.value.code == code


@pytest.mark.parametrize(("how", "told"), [(signal.SIGKILL, "crashed"), (signal.SIGSTOP, "longer than 0.5 s")])
def test_dying_or_hanging_half_way_ends_this_recording_alone(
    parts: Parts, nursery: Any, how: signal.Signals, told: str
) -> None:
    stream, other = parts(flac(60), timeout_s=0.5 if how == signal.SIGSTOP else 20), parts(flac(60))
    next(other)
    next(stream)
    signal.pidfd_send_signal(nursery.last.handle, how)
    with pytest.raises(AudioError, match=told) as caught:
        list(stream)
    assert caught.value.code == "audio.undecodable"
    assert sum(map(len, other)) == 60 * 16_000 - PART_SAMPLES


def test_one_that_is_closed_early_ends_its_process(parts: Parts, nursery: Any, ended: Any) -> None:
    stream = parts(flac(60))
    next(stream)
    handle = os.dup(nursery.last.handle)
    stream.close()
    assert ended(handle)
    os.close(handle)


def test_the_time_that_the_listener_takes_is_not_counted(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = 0.0

        def monotonic(self) -> float:
            return self.now

    clock = Clock()
    monkeypatch.setattr(sandbox_parts, "time", clock)
    for _ in parts(flac(20)):
        clock.now += 100.0
