"""Plain WAV files by numpy alone: the same samples as libsndfile reads, and nothing odd is taken."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile as sf

from sonant.audio import plain_wav
from sonant.audio.decode import decode
from sonant.audio.wav import encode_wav
from sonant.errors import AudioError

RNG = np.random.default_rng(0)


def written(wav_NC, subtype="PCM_16", rate_hz=16_000, container="WAV"):
    file = io.BytesIO()
    sf.write(file, wav_NC, rate_hz, format=container, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize(("container", "subtype"), [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAVEX", "PCM_16")])
@pytest.mark.parametrize("frames", [1, 1000, 70_000])
def test_it_gives_what_libsndfile_gives(channels, container, subtype, frames):
    data = written(RNG.uniform(-1, 1, (frames, channels)), subtype, container=container)
    found = plain_wav.read(data)
    assert found is not None
    samples_NC = np.concatenate([block.samples_NC for block in found.blocks()])
    expected_NC, rate_hz = sf.read(io.BytesIO(data), dtype="float32", always_2d=True)
    assert (found.rate_hz, samples_NC.dtype) == (rate_hz, np.float32)
    np.testing.assert_array_equal(samples_NC, expected_NC)


def test_our_own_files_are_plain():
    wav_N = RNG.uniform(-1, 1, 500).astype(np.float32)
    assert plain_wav.read(encode_wav(wav_N, 8000)) is not None


@pytest.mark.parametrize("subtype", ["PCM_24", "PCM_32", "PCM_U8", "DOUBLE", "ULAW", "IMA_ADPCM"])
def test_other_samples_are_left_to_others(subtype):
    assert plain_wav.read(written(np.zeros(2000), subtype)) is None


PLAIN = encode_wav(np.zeros(100, np.float32), 16_000)


def with_field(at, form, value):
    data = bytearray(PLAIN)
    struct.pack_into(form, data, at, value)
    return bytes(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        PLAIN[:43],
        PLAIN[:44],
        PLAIN[:-2],
        b"RIFX" + PLAIN[4:],
        with_field(4, "<I", 0),
        with_field(4, "<I", 100),
        with_field(16, "<I", 17),
        with_field(16, "<I", 0xFFFFFFFF),
        with_field(20, "<H", 2),
        with_field(22, "<H", 0),
        with_field(22, "<H", 3),
        with_field(32, "<H", 4),
        with_field(34, "<H", 12),
        with_field(36, "<4s", b"junk"),
        with_field(40, "<I", 0),
        with_field(40, "<I", 199),
        with_field(40, "<I", 202),
        with_field(40, "<I", 0xFFFFFFFF),
        PLAIN[:12] + b"junk\0\0\0\0" * 8 + PLAIN[12:],
    ],
)
def test_headers_that_disagree_are_left_to_others(data):
    assert plain_wav.read(data) is None


def test_rates_that_nobody_has_are_refused():
    with pytest.raises(AudioError, match="Hz"):
        plain_wav.read(with_field(24, "<I", 655_350))


def test_resampled_to_nothing_is_empty():
    with pytest.raises(AudioError) as caught:
        decode(encode_wav(np.zeros(1, np.float32), 384_000), rate_hz=1000, max_s=1)
    assert caught.value.code == "audio.empty"
