"""MP4 tables and fragments that claim what cannot be."""

from __future__ import annotations

import struct
from itertools import islice

import pytest

from sonant.audio.demux.mp4 import Mp4Demuxer, table_spans
from sonant.audio.demux.mp4_boxes import boxes, find
from sonant.audio.demux.track import DamagedError, Track


def table(
    sizes: list[int], runs: list[tuple[int, int]], chunks: list[int], *, wide: bool = False
) -> dict[bytes, bytes]:
    layout, name = (">Q", b"co64") if wide else (">I", b"stco")
    return {
        b"stsz": struct.pack(">III", 0, 0, len(sizes)) + b"".join(struct.pack(">I", size) for size in sizes),
        b"stsc": struct.pack(">II", 0, len(runs)) + b"".join(struct.pack(">III", *run, 1) for run in runs),
        name: struct.pack(">II", 0, len(chunks)) + b"".join(struct.pack(layout, chunk) for chunk in chunks),
    }


@pytest.mark.parametrize("wide", [False, True])
def test_packets_are_dealt_out_to_chunks(wide):
    """Two packets in chunks 1 and 2, one in each chunk from the third on."""
    sizes, chunks = [10, 20, 30, 40, 50, 60], [100, 1_000, 5_000, 9_000]
    spans = list(table_spans(table(sizes, [(1, 2), (3, 1)], chunks, wide=wide)))
    assert spans == [(100, 10), (110, 20), (1_000, 30), (1_030, 40), (5_000, 50), (9_000, 60)]


def test_a_promise_of_packets_is_not_believed_before_they_are_read():
    forged = table([], [(1, 0xFFFFFFFF)], [100])
    forged[b"stsz"] = struct.pack(">III", 0, 5, 0xFFFFFFFF)
    assert list(islice(table_spans(forged), 3)) == [(100, 5), (105, 5), (110, 5)]


@pytest.mark.parametrize("forged", [table([0], [(1, 1)], [9]), table([5], [(1, 0)], [9]), table([5], [], [9])])
def test_tables_that_lead_nowhere(forged):
    with pytest.raises(DamagedError):
        list(table_spans(forged))


def test_an_endless_row_of_boxes_is_left():
    with pytest.raises(DamagedError, match="boxes"):
        find(b"\0\0\0\x08free" * 200_000, b"moov")
    assert len(list(boxes(b"\0\0\0\x08free" * 1_000))) == 1_000


@pytest.mark.parametrize("offset", [0, -500, 1 << 20])
def test_fragments_may_not_point_outside_of_their_media(offset, sound, encode):
    data = bytearray(encode("mp4", sound(0.5, 48_000), 48_000))
    at = data.index(b"trun") + 12
    assert [type(item) for item in Mp4Demuxer().push(bytes(data))][:2] == [Track, bytes]
    data[at : at + 4] = struct.pack(">i", offset)
    # A packet behind the media is no packet of it; one in front of it cannot be had any more.
    demuxer = Mp4Demuxer()
    if offset > 0:
        assert sum(isinstance(item, bytes) for item in demuxer.push(bytes(data))) > 0
    else:
        with pytest.raises(DamagedError, match="outside"):
            list(demuxer.push(bytes(data)))
