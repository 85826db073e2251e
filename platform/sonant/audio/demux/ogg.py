"""Ogg with Opus or Vorbis (RFC 3533, RFC 7845): pages to packets, first audio stream, chained recordings too."""

from __future__ import annotations

from collections.abc import Iterator

from sonant.audio.demux.track import Track, check_magic, check_piece, damaged
from sonant.errors import AudioError

_MAGIC = b"OggS"
_HEADER = 27
_CONTINUED, _FIRST = 1, 2
_OPUS, _VORBIS = b"OpusHead", b"\x01vorbis"
# Packets in front of the audio, the identification among them.
_HEADERS = {_OPUS: 2, _VORBIS: 3}


class OggDemuxer:
    """Packets of the first Opus or Vorbis stream."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._serial: bytes | None = None
        self._kind = b""
        self._headers: list[bytes] = []
        self._part = b""

    def push(self, data: bytes) -> Iterator[Track | bytes]:
        self._buffer += data
        while self._buffer:
            check_magic(self._buffer, _MAGIC, "ogg")
            if len(self._buffer) < _HEADER or len(self._buffer) < _HEADER + self._buffer[26]:
                return
            start = _HEADER + self._buffer[26]
            lacing = bytes(self._buffer[_HEADER:start])
            end = start + sum(lacing)
            if len(self._buffer) < end:
                return
            page = bytes(self._buffer[:end])
            del self._buffer[:end]
            yield from self._page(page[5], page[14:18], lacing, page[start:])

    def _page(self, flags: int, serial: bytes, lacing: bytes, body: bytes) -> Iterator[Track | bytes]:
        if flags & _FIRST:
            kind = next((kind for kind in _HEADERS if body.startswith(kind)), b"")
            if kind:
                self._serial, self._kind, self._headers, self._part = serial, kind, [], b""
        elif self._serial is None:
            raise AudioError("audio.unsupported", "the ogg stream has no opus or vorbis audio")
        if serial != self._serial:
            return
        packets = self._packets(bool(flags & _CONTINUED), lacing, body)
        for packet in packets:
            if len(self._headers) == _HEADERS[self._kind]:
                yield packet
                continue
            self._headers.append(packet)
            if len(self._headers) == _HEADERS[self._kind]:
                yield _track(self._kind, self._headers)

    def _packets(self, continued: bool, lacing: bytes, body: bytes) -> Iterator[bytes]:
        """Packets that end in this page: each is a run of 255-byte segments and a shorter last one."""
        # A packet whose other half was lost is dropped, on whichever side it is.
        part, lost = (self._part, not self._part) if continued else (b"", False)
        at = 0
        for length in lacing:
            part += body[at : at + length]
            at += length
            check_piece(len(part), "ogg packet")
            if length < 255:
                if not lost:
                    yield part
                part, lost = b"", False
        self._part = part


def _track(kind: bytes, headers: list[bytes]) -> Track:
    first = headers[0]
    if kind == _OPUS:
        if len(first) < 19:
            raise damaged("a short opus header")
        return Track("opus", 48_000, first[9], first)
    if len(first) < 30:
        raise damaged("a short vorbis header")
    # FFmpeg wants the three headers in one, with the lengths of the first two in front (Xiph lacing).
    lengths = b"".join(b"\xff" * (len(header) // 255) + bytes([len(header) % 255]) for header in headers[:2])
    return Track("vorbis", int.from_bytes(first[12:16], "little"), first[11], b"\x02" + lengths + b"".join(headers))
