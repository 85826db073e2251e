"""Ogg packets across pages."""

from __future__ import annotations

from sonant.audio.demux.ogg import OggDemuxer
from sonant.audio.demux.track import Track

_HEAD = b"OpusHead\x01\x01" + bytes(9)


def page(flags: int, lacing: bytes, body: bytes, serial: int = 1) -> bytes:
    return b"OggS\0" + bytes([flags]) + bytes(8) + bytes([serial]) + bytes(11) + bytes([len(lacing)]) + lacing + body


HEADERS = page(2, bytes([19]), _HEAD) + page(0, bytes([8]), b"OpusTags")


def items(data: bytes) -> list[Track | bytes]:
    return list(OggDemuxer().push(data))


def test_a_packet_over_three_pages():
    body = bytes(range(250)) * 3
    data = (
        page(0, b"\xff", body[:255]) + page(1, b"\xff", body[255:510]) + page(1, bytes([240, 2]), body[510:750] + b"ab")
    )
    track, *packets = items(HEADERS + data)
    assert isinstance(track, Track)
    assert packets == [body, b"ab"]


def test_a_multiple_of_255_ends_with_an_empty_segment():
    assert items(HEADERS + page(0, b"\xff\0", bytes(255)))[1:] == [bytes(255)]


def test_halves_of_lost_packets_are_dropped():
    lost_start = page(1, bytes([3, 2]), b"xyzab")
    lost_end = page(0, b"\xff", bytes(255)) + page(0, bytes([2]), b"cd")
    assert items(HEADERS + lost_start + lost_end)[1:] == [b"ab", b"cd"]


def test_other_streams_in_the_file_are_ignored():
    other = page(2, bytes([4]), b"fish", serial=2)
    between = page(0, bytes([3]), b"abc", serial=2)
    assert items(other + HEADERS + between + page(0, bytes([2]), b"ok"))[1:] == [b"ok"]
