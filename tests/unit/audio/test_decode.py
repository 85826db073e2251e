"""Honest files: every format, rate and channel count comes back as the sound that went in."""

from __future__ import annotations

import io
from pathlib import Path

import av
import fsspec
import numpy as np
import pytest

from sonant.audio import decode as module
from sonant.audio.decode import decode, decode_path
from sonant.audio.resample import resample
from sonant.errors import AudioError, DataError

# dB between the sound and what is decoded; codecs that are not listed lose less than 60 dB down.
_LOSSY_DB = {
    "wav-u8": 24, "wav-ulaw": 30, "wav-adpcm": 30, "vorbis": 25, "opus": 25, "mp3": 25, "webm": 25, "webm-live": 25,
    "ogg-opus": 25, "m4a": 25, "mp4": 25, "mp4-opus": 25, "mp4-mp3": 20, "adts": 25,
}  # fmt: skip


def snr_db(got_N: np.ndarray, want_N: np.ndarray, *, shift: int = 0, edge: int = 2400) -> float:
    """Signal to error ratio of the samples that both have, without the edges."""
    got_N = got_N[shift:]
    count = min(len(got_N), len(want_N)) - edge
    error = got_N[edge:count] - want_N[edge:count]
    return float(10 * np.log10(np.mean(want_N[edge:count] ** 2) / (np.mean(error**2) + 1e-20)))


def test_every_format_comes_back_in_place(named_file):
    name, data, want_N = named_file
    got_N = decode(data, rate_hz=48_000, max_s=10)
    assert got_N.dtype == np.float32
    assert got_N.ndim == 1
    shift = 1024 if name == "adts" else 0  # ADTS has no place to tell its priming
    assert snr_db(got_N, want_N, shift=shift) > _LOSSY_DB.get(name, 60)
    assert 0 <= len(got_N) - len(want_N) < 4096


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("name", ["wav-16", "flac", "aiff"])
def test_lossless_rates_are_resampled(name, rate_hz, sound, encode):
    wav_NC = sound(0.5, rate_hz)
    got_N = decode(encode(name, wav_NC, rate_hz), rate_hz=16_000, max_s=10)
    want_N = resample(wav_NC[:, 0], rate_hz, 16_000)
    assert len(got_N) == len(want_N)
    assert np.abs(got_N - want_N).max() < 1e-4


@pytest.mark.parametrize("rate_hz", [16_000, 24_000, 44_100])
@pytest.mark.parametrize("name", ["mp3", "vorbis", "m4a", "mp4"])
def test_lossy_rates_are_resampled(name, rate_hz, sound, encode):
    wav_NC = sound(1.0, rate_hz)
    got_N = decode(encode(name, wav_NC, rate_hz), rate_hz=16_000, max_s=10)
    assert snr_db(got_N, resample(wav_NC[:, 0], rate_hz, 16_000), edge=1600) > 20


@pytest.mark.parametrize(
    "name", ["wav-16", "wav-float", "flac", "vorbis", "webm", "ogg-opus", "m4a", "alac", "mp4-flac"]
)
def test_channels_are_averaged(name, sound, encode):
    wav_NC = sound(1.0, 48_000, channels=2)
    got_N = decode(encode(name, wav_NC, 48_000), rate_hz=48_000, max_s=10)
    assert snr_db(got_N, wav_NC.mean(axis=1)) > 20


def test_eight_channels(sound, encode):
    wav_NC = sound(0.2, 16_000, channels=8) / 4
    got_N = decode(encode("wav-float", wav_NC, 16_000), rate_hz=16_000, max_s=1)
    assert np.abs(got_N - wav_NC.mean(axis=1)).max() < 1e-6


def test_blocks_leave_no_seam(sound, encode):
    wav_NC = sound(3.0, 44_100)  # many blocks and many resampler pieces
    got_N = decode(encode("wav-float", wav_NC, 44_100), rate_hz=16_000, max_s=10)
    assert np.array_equal(got_N, np.clip(resample(wav_NC[:, 0], 44_100, 16_000), -1, 1))


def test_loud_floats_are_clipped(encode):
    wav_NC = np.array([[3.0], [-7.0], [0.25], [1e30]], np.float32)
    got_N = decode(encode("wav-float", wav_NC, 16_000), rate_hz=16_000, max_s=1)
    assert got_N.tolist() == [1.0, -1.0, 0.25, 1.0]


def test_one_sample_is_sound(encode):
    got_N = decode(encode("wav-16", np.full((1, 1), 0.5, np.float32), 16_000), rate_hz=16_000, max_s=1)
    assert got_N.tolist() == [0.5]


@pytest.mark.parametrize("container", ["wav-16", "flac", "aiff"])
def test_no_samples_is_empty(container, encode):
    data = encode(container, np.zeros((0, 1), np.float32), 16_000)
    with pytest.raises(AudioError) as caught:
        decode(data, rate_hz=16_000, max_s=1)
    assert caught.value.code == "audio.empty"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["wav-float", "wav-double", "webm-pcm"])
def test_not_finite_is_refused(name, value, sound, encode):
    wav_NC = sound(0.3, 48_000)
    wav_NC[9_000] = value
    with pytest.raises(AudioError) as caught:
        decode(encode(name, wav_NC, 48_000), rate_hz=16_000, max_s=1)
    assert caught.value.code == "audio.not_finite"


def test_a_file_object_is_read_no_further_than_the_limit(sound, encode):
    data = encode("wav-16", sound(1.0, 16_000), 16_000)
    assert len(decode(io.BytesIO(data), rate_hz=16_000, max_s=1, max_bytes=len(data))) == 16_000
    file = io.BytesIO(data + bytes(100_000))
    with pytest.raises(AudioError) as caught:
        decode(file, rate_hz=16_000, max_s=1, max_bytes=len(data))
    assert caught.value.code == "audio.too_big"
    assert file.tell() == len(data) + 1


def test_seconds_are_counted_exactly(named_file):
    name, data, _ = named_file
    seconds = len(decode(data, rate_hz=48_000, max_s=10)) / 48_000
    assert len(decode(data, rate_hz=16_000, max_s=seconds)) == pytest.approx(seconds * 16_000, abs=1)
    with pytest.raises(AudioError) as caught:
        decode(data, rate_hz=16_000, max_s=seconds - 0.05)
    assert caught.value.code == "audio.too_long", name


def test_truncated_anywhere(named_file):
    name, data, want_N = named_file
    whole_N = decode(data, rate_hz=48_000, max_s=10)
    lengths = []
    for percent in range(1, 100, 3):
        try:
            part_N = decode(data[: len(data) * percent // 100], rate_hz=48_000, max_s=10)
        except AudioError as error:
            assert error.code in {"audio.undecodable", "audio.empty"}  # noqa: PT017
            continue
        lengths.append(len(part_N))
        assert len(part_N) <= len(whole_N) + 4096
        if len(part_N) > 12_000 and name != "adts":  # a damaged last ADPCM block is 4089 wrong samples
            assert snr_db(part_N, want_N, edge=4_200) > 12
    if name in {"m4a", "alac", "mp4-flac", "mp4-mp3", "vorbis"}:
        assert not lengths  # the header stands at the end; all of the vorbis is in one page
    else:
        assert lengths[-1] > 0.75 * len(whole_N)
        assert lengths == sorted(lengths)


def test_behind_an_id3_tag(sound, encode):
    data = encode("mp3", sound(1.0, 44_100), 44_100)
    tag = b"ID3\x03\x00\x00" + bytes([0, 0, 2, 0]) + bytes(256)
    plain_N, tagged_N = (decode(file, rate_hz=16_000, max_s=2) for file in (data, tag + data))
    assert np.array_equal(plain_N, tagged_N)


def test_video_beside_the_sound_is_ignored(sound):
    wav_N = sound(1.0, 48_000)[:, 0]
    for container, codec in (("webm", "libvpx"), ("mp4", "mpeg4")):
        file = io.BytesIO()
        with av.open(file, "w", format=container) as out:
            video = out.add_stream(codec, rate=10)
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
            audio = out.add_stream("libopus", rate=48_000, layout="mono")
            for start in range(0, 48_000, 960):
                if start % 4_800 == 0:
                    out.mux(video.encode(av.VideoFrame(64, 64, "yuv420p")))
                frame = av.AudioFrame.from_ndarray(wav_N[None, start : start + 960], format="flt", layout="mono")
                frame.sample_rate, frame.pts = 48_000, start
                out.mux(audio.encode(frame))
            out.mux(audio.encode(None))
            out.mux(video.encode(None))
        assert snr_db(decode(file.getvalue(), rate_hz=48_000, max_s=2), wav_N) > 20


@pytest.mark.parametrize("container", ["matroska", "mp4"])
def test_only_listed_codecs_are_opened(container, sound, encode):
    with pytest.raises(AudioError) as caught:
        decode(encode(f"{container}-ac3", sound(0.5, 48_000), 48_000), rate_hz=16_000, max_s=1)
    assert caught.value.code == "audio.unsupported"


def test_ffmpeg_reads_what_libsndfile_cannot(sound, encode, monkeypatch):
    data = encode("flac", sound(0.5, 16_000), 16_000)
    want_N = decode(data, rate_hz=16_000, max_s=1)
    monkeypatch.setitem(module._READERS, "flac", (module._read_ffmpeg,))
    assert np.array_equal(decode(data, rate_hz=16_000, max_s=1), want_N)


def test_paths_and_urls(tmp_path: Path, sound, encode):
    data = encode("flac", sound(0.2, 16_000), 16_000)
    want_N = decode(data, rate_hz=16_000, max_s=1)
    path = tmp_path / "misnamed.mp3"
    path.write_bytes(data)
    with fsspec.open("memory://corpus/a.flac", "wb") as file:
        file.write(data)
    for url in (str(path), f"file://{path}", "memory://corpus/a.flac"):
        assert np.array_equal(decode_path(url, rate_hz=16_000, max_s=1), want_N)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("/nowhere/a.wav", "data.not_found"),
        ("/tmp", "data.not_found"),
        ("memory://nowhere.wav", "data.not_found"),
        ("http://127.0.0.1/a.wav", "data.invalid"),
        ("github://a:b@main/a.wav", "data.invalid"),
        ("simplecache::http://127.0.0.1/a.wav", "data.invalid"),
        ("file::http://127.0.0.1/a.wav", "data.not_found"),
    ],
)
def test_paths_that_are_not_read(url, code):
    with pytest.raises(DataError) as caught:
        decode_path(url, rate_hz=16_000, max_s=1)
    assert caught.value.code == code


def test_a_bad_file_is_named(tmp_path: Path):
    path = tmp_path / "bad.wav"
    path.write_bytes(b"no sound in here")
    with pytest.raises(AudioError, match=r"bad\.wav"):
        decode_path(str(path), rate_hz=16_000, max_s=1)
