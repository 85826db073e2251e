"""Hostile recordings against the upload path, in this process and its decoders: no crash, no hang, no 5xx, no bloat.

SONANT_HOSTILE=10000 pytest -s tests/security/test_uploads.py
"""

from __future__ import annotations

import asyncio
import io
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import soundfile as sf

from sonant.audio.hostile import FORGED, mutants

MIB = 1 << 20
KINDS = {
    "wav": ("WAV", "PCM_16"), "wav24": ("WAV", "PCM_24"), "wav_float": ("WAV", "FLOAT"), "adpcm": ("WAV", "IMA_ADPCM"),
    "aiff": ("AIFF", "PCM_16"), "flac": ("FLAC", "PCM_16"), "mp3": ("MP3", "MPEG_LAYER_III"), "ogg": ("OGG", "VORBIS"),
    "opus": ("ogg", "libopus"), "webm": ("webm", "libopus"), "m4a": ("mp4", "aac"),
}  # fmt: skip

pytestmark = pytest.mark.timeout(3000)


def encode(kind: str, wav_N: np.ndarray, rate_hz: int) -> bytes:
    container, codec = KINDS[kind]
    file = io.BytesIO()
    if container.isupper():
        with sf.SoundFile(file, "w", rate_hz, 1, format=container, subtype=codec) as out:
            for start in range(0, len(wav_N), 4096):  # libsndfile's vorbis overflows its stack on long writes
                out.write(wav_N[start : start + 4096])
        return file.getvalue()
    with av.open(file, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(wav_N[None].astype(np.float32), format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        shaper = av.AudioResampler(stream.format, "mono", rate_hz, frame_size=stream.codec_context.frame_size)
        for part in [*shaper.resample(frame), *shaper.resample(None), None]:
            out.mux(stream.encode(part))
    return file.getvalue()


class Uploader:
    """Sends files to an application one after another, and writes down what comes of them and what they cost."""

    def __init__(self, replica: Any) -> None:
        self.replica = replica
        self.outcomes: Counter[str] = Counter()
        self.faults: list[str] = []
        self.slowest_s = 0.0
        self.base = self.peak = 0

    def resident(self) -> int:
        """Bytes of memory of this process and its decoders."""
        pids = [decoder.pid for one in self.replica.sandboxes for decoder in one._idle if decoder.pid]
        return sum(_resident(f"/proc/{pid}/statm") for pid in ["self", *pids])

    async def send(self, http: httpx.AsyncClient, name: str, data: bytes) -> str:
        """The error code of the answer, or ok."""
        start = time.perf_counter()
        answer = await http.post(self.replica.prefix, content=data, headers={"content-type": "audio/wav"})
        self.slowest_s = max(self.slowest_s, time.perf_counter() - start)
        told = answer.json()
        outcome = "ok" if answer.status_code == 200 else f"{told['error']['code']} {answer.status_code}"
        self.outcomes[outcome] += 1
        message = told.get("error", {}).get("message", "")
        # A crash or a hang of the decoder looks like a bad file from outside: here it counts as what it is.
        if answer.status_code >= 500 or "crashed" in message or "takes longer" in message:
            self.faults.append(f"{name}: {answer.status_code} {message}")
        return outcome

    def look(self) -> None:
        self.peak = max(self.peak, self.resident())

    def start(self) -> None:
        self.base = self.peak = self.resident()

    @property
    def grown_mib(self) -> float:
        return (self.peak - self.base) / MIB


def _resident(path: str) -> int:
    try:
        return int(Path(path).read_text(encoding="ascii").split()[1]) * 4096
    except FileNotFoundError:  # it was replaced a moment ago
        return 0


@pytest.fixture(scope="module")
def uploader(replicas: Callable[..., list[Any]]) -> Iterator[Uploader]:
    made = Uploader(next(one for one in replicas() if one.name == "classify"))
    yield made
    for sandbox in made.replica.sandboxes:
        sandbox.close()


@pytest.fixture(scope="module")
def honest(clip: Callable[..., np.ndarray]) -> dict[str, bytes]:
    """A second of sound in each format."""
    return {kind: encode(kind, clip("rise", rate_hz=48_000), 48_000) for kind in KINDS}


def run(client: Any, uploader: Uploader, files: Callable[[], Iterator[tuple[str, bytes]]]) -> None:
    async def send_all() -> None:
        async with client(uploader.replica) as http:
            for number, (name, data) in enumerate(files()):
                await uploader.send(http, name, data)
                if number % 20 == 0:
                    uploader.look()
        uploader.look()

    asyncio.run(send_all())


def test_mutated_recordings(
    uploader: Uploader, honest: dict[str, bytes], client: Any, count: Callable[[int], int]
) -> None:
    run(client, uploader, lambda: ((kind, data) for _ in range(3) for kind, data in honest.items()))
    assert set(uploader.outcomes) == {"ok"}
    uploader.start()
    each = -(-count(330) // len(honest))
    streams = {kind: mutants(data, seed=number, count=each) for number, (kind, data) in enumerate(honest.items())}

    def files() -> Iterator[tuple[str, bytes]]:
        for number in range(each):
            for kind, stream in streams.items():
                yield f"{kind} {number}", next(stream)

    uploader.outcomes.clear()
    run(client, uploader, files)
    print(
        f"\n{each * len(honest)} mutants: {dict(uploader.outcomes.most_common())}, {len(uploader.faults)} crashes, "
        f"hangs or 5xx, slowest {1000 * uploader.slowest_s:.0f} ms, memory +{uploader.grown_mib:.1f} MiB"
    )
    assert uploader.faults == []
    assert uploader.grown_mib <= 64
    assert 0.05 < uploader.outcomes["ok"] / (each * len(honest)) < 0.95, "mutations are too weak or too strong"


def test_forged_headers(uploader: Uploader, client: Any) -> None:
    assert len(FORGED) >= 30
    uploader.outcomes.clear()
    run(client, uploader, lambda: ((name, data) for name, (data, _) in FORGED.items()))
    print(f"\n{len(FORGED)} forged: {dict(uploader.outcomes.most_common())}, memory +{uploader.grown_mib:.1f} MiB")
    assert uploader.faults == []
    assert {int(outcome.split()[1]) for outcome in uploader.outcomes if outcome != "ok"} <= {413, 415, 422}


def test_bombs(uploader: Uploader, client: Any) -> None:
    """An hour of silence in a few kilobytes, and their like: refused while they are decoded, again and again."""
    silence = np.zeros(8000 * 3600, np.float32)
    bombs = {"flac": encode("flac", silence, 8000), "mp3": encode("mp3", silence[: 8000 * 600], 8000)}
    bombs |= {kind: encode(kind, silence[: 48_000 * 300], 48_000) for kind in ("opus", "webm", "m4a")}
    assert len(silence) * 2 / len(bombs["flac"]) > 100
    uploader.outcomes.clear()
    uploader.start()
    run(client, uploader, lambda: ((kind, data) for _ in range(10) for kind, data in bombs.items()))
    sizes = {kind: len(data) >> 10 for kind, data in bombs.items()}
    print(f"\nbombs of {sizes} KiB: {dict(uploader.outcomes)}, memory +{uploader.grown_mib:.1f} MiB")
    assert set(uploader.outcomes) == {"audio.too_long 413"}
    assert uploader.faults == []
    assert uploader.grown_mib <= 64


def test_the_figures_can_fail(uploader: Uploader, honest: dict[str, bytes], client: Any) -> None:
    """A decoder that dies, one that hangs, and memory that is kept: each is seen."""
    [sandbox] = uploader.replica.sandboxes
    [decoder] = [one for one in sandbox._idle if one.pid]
    before = sandbox._timeout_s
    kept: list[bytearray] = []
    try:
        sandbox._timeout_s = 0.2
        os.kill(decoder.pid, signal.SIGSTOP)
        run(client, uploader, lambda: iter([("slow", honest["flac"])]))
        assert "takes longer" in uploader.faults.pop()
        uploader.start()
        kept.append(bytearray(b"x" * (80 * MIB)))
        uploader.look()
        assert uploader.grown_mib > 64
    finally:
        sandbox._timeout_s = before
    assert decoder.pid is None
    run(client, uploader, lambda: iter([("again", honest["flac"])]))
    assert uploader.faults == []
