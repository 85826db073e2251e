"""Sound that the tests make, and encoders for every format that we read."""

from __future__ import annotations

import io
import select
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf

from sonant.audio.nursery import Child, Nursery

FRAGMENTED = {"movflags": "frag_keyframe+delay_moov+default_base_moof", "frag_duration": "100000"}


def make_sound(seconds: float, rate_hz: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    """A sweep below 3 kHz with some noise in the same band: (N, C) float32, peaks near 0.5."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    rng = np.random.default_rng(seed)
    tones = [np.sin(2 * np.pi * (f * t + 40 * np.sin(2 * np.pi * 0.7 * t + k))) for k, f in enumerate((310, 700, 1250))]
    voice = sum(tone * (0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(1, 3) * t)) for tone in tones)
    return np.stack([0.15 * (0.7 + 0.3 * c) * voice for c in range(channels)], axis=1).astype(np.float32)


def encode_sndfile(wav_NC: np.ndarray, rate_hz: int, fmt: str, subtype: str | None = None) -> bytes:
    file = io.BytesIO()
    with sf.SoundFile(file, "w", rate_hz, wav_NC.shape[1], format=fmt, subtype=subtype) as out:
        for start in range(0, len(wav_NC), 4096):  # libsndfile's vorbis overflows its stack on long writes
            out.write(wav_NC[start : start + 4096])
    return file.getvalue()


def encode_ffmpeg(
    wav_NC: np.ndarray, rate_hz: int, fmt: str, codec: str, options: dict[str, str] | None = None
) -> bytes:
    file = io.BytesIO()
    layout = {1: "mono", 2: "stereo"}[wav_NC.shape[1]]
    with av.open(file, "w", format=fmt, options=options or {}) as out:
        stream = out.add_stream(codec, rate=rate_hz, layout=layout, options={"strict": "experimental"})
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wav_NC.T), format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate_hz, 0
        context = stream.codec_context
        context.open()
        shaper = av.AudioResampler(context.format, layout, rate_hz, context.frame_size or 1024)
        for piece in [*shaper.resample(frame), *shaper.resample(None)]:
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return file.getvalue()


SNDFILE = {
    "wav-u8": ("WAV", "PCM_U8"),
    "wav-16": ("WAV", "PCM_16"),
    "wav-24": ("WAV", "PCM_24"),
    "wav-32": ("WAV", "PCM_32"),
    "wav-float": ("WAV", "FLOAT"),
    "wav-double": ("WAV", "DOUBLE"),
    "wav-ulaw": ("WAV", "ULAW"),
    "wav-adpcm": ("WAV", "IMA_ADPCM"),
    "rf64": ("RF64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "sphere": ("NIST", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "vorbis": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", None),
}
FFMPEG = {
    "webm": ("webm", "libopus", None),
    "webm-live": ("webm", "libopus", {"live": "1"}),
    "webm-pcm": ("matroska", "pcm_f32le", None),
    "ogg-opus": ("ogg", "libopus", None),
    "m4a": ("mp4", "aac", None),
    "mp4": ("mp4", "aac", FRAGMENTED),
    "mp4-opus": ("mp4", "libopus", FRAGMENTED),
    "alac": ("mp4", "alac", None),
    "mp4-flac": ("mp4", "flac", None),
    "mp4-mp3": ("mp4", "libmp3lame", None),
    "adts": ("adts", "aac", None),
}
# Formats that we know and refuse, and one that is encoded in stereo only.
SPECIAL = {
    "matroska-ac3": ("matroska", "ac3", None),
    "mp4-ac3": ("mp4", "ac3", None),
    "webm-vorbis": ("webm", "vorbis", None),
}
FORMATS = (*SNDFILE, *FFMPEG)


def encode_any(name: str, wav_NC: np.ndarray, rate_hz: int) -> bytes:
    if name in SNDFILE:
        return encode_sndfile(wav_NC, rate_hz, *SNDFILE[name])
    return encode_ffmpeg(wav_NC, rate_hz, *(FFMPEG | SPECIAL)[name])


@pytest.fixture(scope="session")
def sound() -> Callable[..., np.ndarray]:
    return make_sound


@pytest.fixture(scope="session")
def encode() -> Callable[[str, np.ndarray, int], bytes]:
    return encode_any


@pytest.fixture(scope="session", params=FORMATS)
def named_file(request: pytest.FixtureRequest) -> tuple[str, bytes, np.ndarray]:
    """(format, the encoded file, the sound in it): 1.2 s at 48 kHz, mono."""
    wav_NC = make_sound(1.2, 48_000)
    return request.param, encode_any(request.param, wav_NC, 48_000), wav_NC[:, 0]


class Watched(Nursery):
    """Knows its last child."""

    last: Child

    def child(self) -> Child:
        self.last = super().child()
        return self.last


@pytest.fixture(scope="session")
def nursery() -> Iterator[Watched]:
    """One for all tests that do not kill it: starting takes a second."""
    made = Watched()
    yield made
    made.close()


@pytest.fixture(scope="session")
def pid_of() -> Callable[[Child], int]:
    """The process behind a handle."""

    def pid(child: Child) -> int:
        lines = Path(f"/proc/self/fdinfo/{child.handle}").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))

    return pid


@pytest.fixture(scope="session")
def ended() -> Callable[[int], bool]:
    """Waits for the end of the process behind a pidfd."""

    def wait(handle: int) -> bool:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(10_000))

    return wait
