"""Packets are bounded one by one and all together."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.audio.codec import MAX_SILENT_PACKETS, PacketDecoder
from sonant.audio.demux.track import DamagedError, Track
from sonant.errors import AudioError

_OPUS = Track("opus", 48_000, 1, b"OpusHead\x01\x01\x00\x00\x80\xbb\x00\x00\x00\x00\x00")


def test_raw_samples_are_scaled():
    (block,) = PacketDecoder(Track("pcm_u8", 16_000, 2)).push(bytes([0, 128, 192, 255]))
    assert block.rate_hz == 16_000
    assert block.samples_NC.tolist() == [[-1.0, 0.0], [0.5, 127 / 128]]


def test_one_packet_of_a_whole_file_is_refused():
    with pytest.raises(AudioError) as caught:
        PacketDecoder(Track("pcm_u8", 16_000, 1)).push(bytes(2 << 20))
    assert caught.value.code == "audio.too_big"


@pytest.mark.parametrize("packet", [b"", b"\xff\xff\xff"])
def test_packets_without_sound_come_to_an_end(packet):
    decoder = PacketDecoder(_OPUS)
    assert [decoder.push(packet) for _ in range(MAX_SILENT_PACKETS)] == [[]] * MAX_SILENT_PACKETS
    with pytest.raises(DamagedError, match="without sound"):
        decoder.push(packet)


def test_priming_is_skipped_across_packets():
    decoder = PacketDecoder(Track("pcm_s16le", 16_000, 1, skip_s=5 / 16_000))
    pcm_N = np.arange(1, 9, dtype="<i2")
    got_N = [int(value * 32_768) for half in (pcm_N[:4], pcm_N[4:]) for block in decoder.push(half.tobytes())
             for value in block.samples_NC[:, 0]]  # fmt: skip
    assert got_N == [6, 7, 8]


def test_a_codec_header_of_garbage():
    with pytest.raises(DamagedError):
        PacketDecoder(Track("vorbis", 16_000, 1, b"garbage")).push(b"\xff\xf8\x69\x08")
