"""Live streams: cut anywhere they give what the whole file gives, at once, and bad ones end with an error at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sonant.audio.decode import decode
from sonant.audio.resample import resample
from sonant.audio.samples import to_int16
from sonant.audio.stream_decode import StreamDecoder
from sonant.errors import AudioError

# (name of the encoder, format of the stream, channels)
STREAMS = [
    ("webm", "webm", 1),
    ("webm-live", "webm", 1),
    ("webm-live", "webm", 2),
    ("webm-vorbis", "webm", 2),
    ("webm-pcm", "webm", 1),
    ("ogg-opus", "ogg", 1),
    ("ogg-opus", "ogg", 2),
    ("opus", "ogg", 1),
    ("vorbis", "ogg", 2),
    ("mp4", "mp4", 1),
    ("mp4", "mp4", 2),
    ("mp4-opus", "mp4", 1),
]
streams = pytest.mark.parametrize(("name", "format", "channels"), STREAMS)
starts = pytest.mark.parametrize(("name", "format"), [("webm-live", "webm"), ("ogg-opus", "ogg"), ("mp4", "mp4")])


def pieces(data: bytes, rng: np.random.Generator, longest: int) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = int(rng.integers(0, longest))
        yield data[at : at + size]
        at += size


def live(format, data: bytes, rate_hz: int, rng: np.random.Generator, longest: int, **options) -> np.ndarray:
    with StreamDecoder(format, rate_hz, **options) as decoder:
        parts = [decoder.push(piece) for piece in pieces(data, rng, longest)]
        return np.concatenate([*parts, decoder.finish()])


@streams
@pytest.mark.parametrize("rate_hz", [48_000, 16_000])
def test_any_cut_gives_what_the_whole_file_gives(name, format, channels, rate_hz, sound, encode):
    data = encode(name, sound(1.2, 48_000, channels=channels), 48_000)
    want_N = decode(data, rate_hz=rate_hz, max_s=10)
    rng = np.random.default_rng(7)
    for longest in (12, 40, 700, 5_000, 1_000_000):
        got_N = live(format, data, rate_hz, rng, longest)
        assert got_N.dtype == np.float32
        # Whole files say where the padding of their last packet starts; a live stream has given it by then.
        assert 0 <= len(got_N) - len(want_N) <= 0.02 * rate_hz
        same = len(want_N) - 200
        assert np.abs(got_N[:same] - want_N[:same]).max() < 1e-5


@streams
def test_nothing_complete_is_held_back(name, format, channels, sound, encode):
    data = encode(name, sound(1.5, 48_000, channels=channels), 48_000)
    decoder = StreamDecoder(format, 48_000)
    rng = np.random.default_rng(3)
    at, given = 0, 0
    for piece in pieces(data, rng, 900):
        at += len(piece)
        given += len(decoder.push(piece))
        try:
            could = len(decode(data[:at], rate_hz=48_000, max_s=10))
        except AudioError:
            continue
        # The best anyone can do with these bytes; half a packet of raw PCM is no packet.
        assert given >= could - (1_024 if name == "webm-pcm" else 0)
    assert given > 1.4 * 48_000
    assert len(decoder.finish()) == 0


@starts
def test_a_recorder_that_starts_again(name, format, sound, encode):
    data = encode(name, sound(0.6, 48_000), 48_000)
    once_N = live(format, data, 48_000, np.random.default_rng(0), 500)
    if format == "mp4":
        return  # fragments name absolute offsets: a second file would have to come with a new stream
    twice_N = live(format, data + data, 48_000, np.random.default_rng(1), 500)
    assert np.array_equal(twice_N, np.tile(once_N, 2))


@starts
def test_a_damaged_packet_keeps_the_time(name, format, sound, encode):
    data = bytearray(encode(name, sound(1.5, 48_000), 48_000))
    want_N = live(format, bytes(data), 48_000, np.random.default_rng(0), 500)
    middle = len(data) * 3 // 5
    data[middle : middle + 3] = b"\xff\xff\xff" if format != "ogg" else b"\0\0\0"
    got_N = live(format, bytes(data), 48_000, np.random.default_rng(0), 500)
    assert len(got_N) == len(want_N)
    assert np.array_equal(got_N[:20_000], want_N[:20_000])


@starts
def test_a_wrong_header_shows_with_the_first_bytes(name, format, sound, encode):
    data = encode(name, sound(0.5, 48_000), 48_000)
    for wrong in (b"RIFF\x24\0\0\0WAVE", b"\0" * 16, b"hello world, no sound", data[2_000:2_100], data[1:]):
        with pytest.raises(AudioError) as caught:
            StreamDecoder(format, 16_000).push(wrong)
        assert caught.value.code == "audio.undecodable"


@starts
def test_a_lost_header_is_an_error(name, format, sound, encode):
    data = encode(name, sound(1.5, 48_000), 48_000)
    mark = {"webm": b"\x1f\x43\xb6\x75", "ogg": b"OggS", "mp4": b"moof"}[format]
    second = data.index(mark, data.index(mark) + 1) - (4 if format == "mp4" else 0)
    decoder = StreamDecoder(format, 16_000)
    with pytest.raises(AudioError):
        decoder.push(data[second:] if format != "ogg" else data[data.index(mark, second + 1) :])
    decoder.close()


@starts
def test_ending_inside_the_header_is_an_error(name, format, sound, encode):
    data = encode(name, sound(0.5, 48_000), 48_000)
    decoder = StreamDecoder(format, 16_000)
    assert len(decoder.push(data[:30])) == 0
    with pytest.raises(AudioError, match="header"):
        decoder.finish()


@pytest.mark.parametrize("format", ["webm", "ogg", "mp4", "pcm_s16le", "pcm_f32le"])
def test_no_bytes_no_samples(format):
    decoder = StreamDecoder(format, 16_000)
    assert len(decoder.push(b"")) == 0
    assert len(decoder.finish()) == 0
    decoder.close()
    decoder.close()


@streams
def test_the_limit_holds_while_streaming(name, format, channels, sound, encode):
    data = encode(name, sound(1.5, 48_000, channels=channels), 48_000)
    with pytest.raises(AudioError) as caught:
        live(format, data, 16_000, np.random.default_rng(0), 500, max_s=1.0)
    assert caught.value.code == "audio.too_long"


@streams
def test_mutations_end_in_samples_or_an_error(name, format, channels, sound, encode):
    data = encode(name, sound(1.0, 48_000, channels=channels), 48_000)
    rng = np.random.default_rng(len(name))
    outcomes = set()
    for _ in range(40):
        mutant = bytearray(data)
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(len(mutant) if rng.random() < 0.6 else 500))
            mutant[at : at + int(rng.integers(1, 8))] = rng.bytes(int(rng.integers(0, 8)))
        try:
            wav_N = live(format, bytes(mutant), 16_000, rng, 3_000, max_s=5)
            assert np.isfinite(wav_N).all()
            outcomes.add("ok")
        except AudioError as error:
            outcomes.add(error.code)
    assert len(outcomes) > 1 or name == "vorbis"  # little of a short vorbis file is not header


WEBM = bytes.fromhex("1a45dfa3 80 18538067 01ffffffffffffff")
ENDLESS = {
    "webm element": ("webm", WEBM + bytes.fromhex("1549a966 08ffffff ff")),
    "webm block": ("webm", WEBM + bytes.fromhex("a3 1fffffff")),
    "webm unknown element": ("webm", WEBM + bytes.fromhex("42ff 81 00")),
    "webm element of unknown size": ("webm", WEBM + bytes.fromhex("ec ff")),
    "webm id of 8 bytes": ("webm", WEBM + bytes(8)),
    "webm block before the tracks": ("webm", WEBM + bytes.fromhex("a3 85 81 0000 80 00")),
    "webm tracks without audio": ("webm", WEBM + bytes.fromhex("1654ae6b 80")),
    "webm child behind its parent": ("webm", WEBM + bytes.fromhex("1654ae6b 83 ae 88 d7")),
    "mp4 box of 2^40": ("mp4", b"\0\0\0\x08ftyp" + b"\0\0\0\1moov\0\0\1\0\0\0\0\0"),
    "mp4 box without end": ("mp4", b"\0\0\0\x08ftyp" + b"\0\0\0\0moov"),
    "mp4 media before the header": ("mp4", b"\0\0\0\x08ftyp" + b"\0\0\1\0mdat"),
    "mp4 fragment before the header": ("mp4", b"\0\0\0\x08ftyp" + b"\0\0\0\x08moof"),
    "mp4 without audio": ("mp4", b"\0\0\0\x08ftyp" + b"\0\0\0\x08moov"),
    "ogg of another kind": ("ogg", b"OggS\0\2" + bytes(20) + b"\1\4abcd" + b"OggS\0\0" + bytes(20) + b"\1\4abcd"),
    "ogg out of step": ("ogg", b"OggS\0\2" + bytes(20) + b"\1\4abcd" + b"oggs"),
    "ogg packet without end": (
        "ogg",
        b"OggS\0\2" + bytes(20) + b"\1\x08OpusHead" + (b"OggS\0\1" + bytes(20) + b"\xff" * 256 + bytes(65_025)) * 20,
    ),
    "ogg opus header cut": (
        "ogg",
        b"OggS\0\2" + bytes(20) + b"\1\x08OpusHead" + (b"OggS\0\0" + bytes(20) + b"\1\x08OpusTags") * 2,
    ),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_stream_that_leads_nowhere_is_refused(name):
    format, data = ENDLESS[name]
    with pytest.raises(AudioError) as caught:
        StreamDecoder(format, 16_000).push(data)
    assert caught.value.code in {"audio.undecodable", "audio.unsupported"}


def test_a_recording_with_its_header_last_is_sent_whole(sound, encode):
    with pytest.raises(AudioError) as caught:
        StreamDecoder("mp4", 16_000).push(encode("m4a", sound(0.5, 48_000), 48_000))
    assert caught.value.code == "audio.unsupported"
    assert "whole" in caught.value.message


@pytest.mark.parametrize("name", ["matroska-ac3", "mp4-ac3"])
def test_only_listed_codecs_are_opened(name, sound, encode):
    data = encode(name, sound(0.5, 48_000), 48_000)
    format = "webm" if name.startswith("matroska") else "mp4"
    with pytest.raises(AudioError) as caught:
        StreamDecoder(format, 16_000).push(data)
    assert caught.value.code == "audio.unsupported"


def test_unknown_formats_are_refused():
    with pytest.raises(AudioError) as caught:
        StreamDecoder("flac", 16_000)
    assert caught.value.code == "audio.unsupported"


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("source_hz", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("format", ["pcm_s16le", "pcm_f32le"])
def test_raw_pcm_cut_anywhere(format, source_hz, channels, sound):
    wav_NC = sound(0.5, source_hz, channels=channels)
    sent_NC = to_int16(wav_NC).astype("<i2") if format == "pcm_s16le" else wav_NC.astype("<f4")
    options = {"source_hz": source_hz, "channels": channels}
    got_N = live(format, sent_NC.tobytes(), 16_000, np.random.default_rng(2), 333, **options)
    exact_NC = sent_NC / 32768 if format == "pcm_s16le" else sent_NC
    want_N = resample(exact_NC.mean(axis=1).astype(np.float32), source_hz, 16_000)
    assert len(got_N) == len(want_N)
    assert np.abs(got_N - want_N).max() < 1e-5


def test_raw_pcm_is_given_at_once_and_a_half_sample_waits():
    decoder = StreamDecoder("pcm_s16le", 16_000)
    assert decoder.push(b"\x00\x40\x00").tolist() == [0.5]
    assert decoder.push(b"\xc0").tolist() == [-0.5]
    assert decoder.push(b"\x01").tolist() == []
    assert decoder.finish().tolist() == []


def test_raw_floats_are_clipped_and_checked():
    decoder = StreamDecoder("pcm_f32le", 16_000)
    assert decoder.push(np.array([2.0, -3e38, 0.25], "<f4").tobytes()).tolist() == [1.0, -1.0, 0.25]
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(AudioError) as caught:
            StreamDecoder("pcm_f32le", 16_000).push(np.array([0.0, bad], "<f4").tobytes())
        assert caught.value.code == "audio.not_finite"


@pytest.mark.parametrize(("source_hz", "channels"), [(999, 1), (384_001, 1), (16_000, 0), (16_000, 9)])
def test_raw_pcm_of_no_real_shape_is_refused(source_hz, channels):
    with pytest.raises(AudioError) as caught:
        StreamDecoder("pcm_s16le", 16_000, source_hz=source_hz, channels=channels)
    assert caught.value.code == "audio.unsupported"
