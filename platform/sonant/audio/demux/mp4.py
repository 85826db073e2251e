"""MP4 and M4A (ISO 14496-12): whole files, and fragments as MediaRecorder writes them.

We take it apart ourselves for two reasons: bytes can be pushed as they come, and FFmpeg's demuxer builds an index from
counts that a header merely claims (a forged file of 1 KiB cost 600 MiB). Here sample tables are walked lazily.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import repeat

import numpy as np

from sonant.audio.demux.mp4_boxes import boxes, find, header, u32
from sonant.audio.demux.mp4_movie import Movie, read_movie
from sonant.audio.demux.track import Track, check_piece, damaged
from sonant.errors import AudioError

# Boxes that may start a file or stand between fragments.
# fmt: off
_TOP = {
    b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"sidx", b"free", b"skip", b"wide", b"udta", b"meta", b"uuid",
    b"mfra", b"emsg", b"prft", b"pdin", b"ssix",
}
# fmt: on

Span = tuple[int, int]
"""(absolute offset, bytes) of one coded packet."""


class Mp4Demuxer:
    """Packets of a stream whose header comes first; a recording with its header last must come as a whole file."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._base = 0  # absolute offset of the buffer's first byte
        self._movie: Movie | None = None
        self._spans: Iterator[Span] = iter(())
        self._next: Span | None = None
        self._media_end = 0  # end of the mdat that we are in; not behind _base: in none

    def push(self, data: bytes) -> Iterator[Track | bytes]:
        self._buffer += data
        while True:
            if self._base < self._media_end:
                yield from self._media()
                if self._base < self._media_end:
                    return
            head = header(self._buffer, 0)
            if head is None:
                return
            kind, start, size = head
            if kind not in _TOP:
                raise damaged("no mp4 box where one must be")
            if kind == b"mdat":
                self._enter_media(start, size)
                continue
            check_piece(size, "mp4 box")
            if size == 0:
                raise damaged("an mp4 box without an end")
            if len(self._buffer) < size:
                return
            yield from self._box(kind, bytes(self._buffer[start:size]))
            self._drop(size)

    def _box(self, kind: bytes, body: bytes) -> Iterator[Track]:
        if kind == b"moov":
            self._movie = read_movie(body)
            self._use(table_spans(self._movie.table))
            yield self._movie.track
        elif kind == b"moof":
            if self._movie is None:
                raise damaged("a fragment before the mp4 header")
            self._use(fragment_spans(body, self._base, self._movie))

    def _use(self, spans: Iterator[Span]) -> None:
        self._spans = spans
        self._next = next(spans, None)

    def _enter_media(self, start: int, size: int) -> None:
        if self._movie is None:
            raise AudioError("audio.unsupported", "this mp4 has its header at the end: send it as a whole file")
        self._media_end = self._base + size if size else 1 << 62
        self._drop(start)

    def _media(self) -> Iterator[bytes]:
        """Packets of the current mdat that are complete; steps over everything else in it."""
        while self._next is not None and self._next[0] < self._media_end:
            offset, size = self._next
            if offset < self._base or offset + size > self._media_end:
                raise damaged("an mp4 packet outside of the media data")
            self._drop(min(offset - self._base, len(self._buffer)))
            if self._base < offset or len(self._buffer) < size:
                return
            yield bytes(self._buffer[:size])
            self._drop(size)
            self._next = next(self._spans, None)
        self._drop(min(self._media_end - self._base, len(self._buffer)))

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._base += count


def read_file(raw: bytes) -> tuple[Track, Iterator[bytes]]:
    """The first audio track of a whole file and its packets, those of a truncated file as far as they are there."""
    movie = next((read_movie(body) for kind, _, body in boxes(raw, truncated=True) if kind == b"moov"), None)
    if movie is None:
        raise damaged("an mp4 file without its header")
    return movie.track, _cut(raw, _file_spans(raw, movie))


def _file_spans(raw: bytes, movie: Movie) -> Iterator[Span]:
    yield from table_spans(movie.table)
    for kind, offset, body in boxes(raw, truncated=True):
        if kind == b"moof":
            yield from fragment_spans(body, offset, movie)


def _cut(raw: bytes, spans: Iterator[Span]) -> Iterator[bytes]:
    for offset, size in spans:
        if not 0 <= offset <= len(raw) - size:
            return
        yield raw[offset : offset + size]


def table_spans(table: dict[bytes, bytes]) -> Iterator[Span]:
    """The packets that a sample table lists: sizes (stsz) dealt out to chunks (stco, co64) in runs (stsc)."""
    stsz, stsc = table.get(b"stsz", b""), table.get(b"stsc", b"")
    wide = b"co64" in table
    chunks = table.get(b"co64" if wide else b"stco", b"")
    width, layout = (8, ">Q") if wide else (4, ">I")
    if min(len(stsz), len(stsc), len(chunks)) < 8:
        return
    runs = [struct.unpack_from(">II", stsc, at) for at in range(8, len(stsc) - 11, 12)]
    same = u32(stsz, 4)
    sizes = repeat(same, u32(stsz, 8)) if same else iter(np.frombuffer(stsz[12 : len(stsz) // 4 * 4], ">u4").tolist())
    run = 0
    for index, at in enumerate(range(8, len(chunks) - width + 1, width), start=1):
        while run + 1 < len(runs) and runs[run + 1][0] <= index:
            run += 1
        (offset,) = struct.unpack_from(layout, chunks, at)
        if not runs or runs[run][1] == 0:
            raise damaged("an mp4 chunk without packets")
        for _ in range(runs[run][1]):
            size = next(sizes, None)
            if size is None:
                return
            yield from _span(offset, size)
            offset += size


def fragment_spans(moof: bytes, moof_offset: int, movie: Movie) -> Iterator[Span]:
    """The packets of our track that a `moof` payload lists; its box starts at the absolute `moof_offset`."""
    for kind, _, traf in boxes(moof):
        tfhd = find(traf, b"tfhd") if kind == b"traf" else b""
        if len(tfhd) >= 8 and u32(tfhd, 4) == movie.track_id:
            yield from _run_spans(traf, tfhd, moof_offset, movie.default_size)


def _run_spans(traf: bytes, tfhd: bytes, moof_offset: int, default_size: int) -> Iterator[Span]:
    flags, at = u32(tfhd, 0), 8
    offset = moof_offset
    if flags & 0x1:
        offset, at = (u32(tfhd, at) << 32) + u32(tfhd, at + 4), at + 8
    at += 4 * bool(flags & 0x2) + 4 * bool(flags & 0x8)
    if flags & 0x10:
        default_size = u32(tfhd, at)
    base = offset
    for kind, _, trun in boxes(traf):
        if kind == b"trun":
            flags, count, at = u32(trun, 0), u32(trun, 4), 8
            if flags & 0x1:
                offset, at = base + struct.unpack(">i", struct.pack(">I", u32(trun, at)))[0], at + 4
            at += 4 * bool(flags & 0x4)
            before = 4 * bool(flags & 0x100)
            step = before + 4 * sum(bool(flags & bit) for bit in (0x200, 0x400, 0x800))
            for _ in range(count):
                size = u32(trun, at + before) if flags & 0x200 else default_size
                yield from _span(offset, size)
                offset, at = offset + size, at + step


def _span(offset: int, size: int) -> Iterator[Span]:
    check_piece(size, "mp4 packet")
    if size == 0:
        raise damaged("an mp4 packet of no bytes")
    yield offset, size
