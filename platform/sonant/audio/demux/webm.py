"""WebM (Matroska) as MediaRecorder writes it: masters of unknown size, blocks without lacing.

Elements are read flat: a master's header is stepped over, so its children follow like siblings, and a master of
unknown size needs no special care. IDs are those of RFC 9559.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sonant.audio.demux.track import Track, check_magic, check_piece, damaged
from sonant.errors import AudioError

_MAGIC = b"\x1a\x45\xdf\xa3"
_SEGMENT, _CLUSTER, _BLOCK_GROUP = 0x18538067, 0x1F43B675, 0xA0
_MASTERS = {_SEGMENT, _CLUSTER, _BLOCK_GROUP}
_TRACKS, _BLOCK, _SIMPLE_BLOCK = 0x1654AE6B, 0xA1, 0xA3
# Stepped over. What is not listed is no WebM: a stream out of step shows at once, instead of skipping forever.
_SKIPPED = {
    0x1A45DFA3,  # EBML header
    0x114D9B74,  # SeekHead
    0x1549A966,  # Info
    0x1C53BB6B,  # Cues
    0x1254C367,  # Tags
    0x1043A770,  # Chapters
    0x1941A469,  # Attachments
    0xEC,  # Void
    0xBF,  # CRC-32
    0xE7,  # Timestamp
    0xA7,  # Position
    0xAB,  # PrevSize
    0x5854,  # SilentTracks
    0x9B,  # BlockDuration
    0xFB,  # ReferenceBlock
    0xFA,  # ReferencePriority
    0x75A1,  # BlockAdditions
    0x75A2,  # DiscardPadding
    0xA4,  # CodecState
}
_TRACK_ENTRY, _NUMBER, _TYPE, _CODEC, _PRIVATE, _ENCODINGS = 0xAE, 0xD7, 0x83, 0x86, 0x63A2, 0x6D80
_AUDIO, _RATE, _CHANNELS, _BITS = 0xE1, 0xB5, 0x9F, 0x6264
_AUDIO_TYPE = 2
# (CodecID, bits) to FFmpeg's name; bits only matter for PCM.
_CODECS = {
    ("A_OPUS", 0): "opus",
    ("A_VORBIS", 0): "vorbis",
    ("A_AAC", 0): "aac",
    ("A_PCM/FLOAT/IEEE", 32): "pcm_f32le",
    ("A_PCM/INT/LIT", 16): "pcm_s16le",
    ("A_PCM/INT/LIT", 24): "pcm_s24le",
    ("A_PCM/INT/LIT", 32): "pcm_s32le",
}


class WebmDemuxer:
    """Packets of the first audio track."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._started = False
        self._number: int | None = None

    def push(self, data: bytes) -> Iterator[Track | bytes]:
        self._buffer += data
        if not self._started:
            check_magic(self._buffer, _MAGIC, "webm")
            self._started = len(self._buffer) >= len(_MAGIC)
        while (header := _header(self._buffer, 0)) is not None:
            ident, size, start = header
            if ident in _MASTERS:
                del self._buffer[:start]
                continue
            if size is None or ident not in {_TRACKS, _BLOCK, _SIMPLE_BLOCK, *_SKIPPED}:
                raise damaged(f"unknown webm element {ident:#x}")
            check_piece(size, "webm element")
            if len(self._buffer) < start + size:
                return
            body = bytes(self._buffer[start : start + size])
            del self._buffer[: start + size]
            yield from self._element(ident, body)

    def _element(self, ident: int, body: bytes) -> Iterator[Track | bytes]:
        if ident == _TRACKS:
            self._number, track = _first_audio(body)
            yield track
        elif ident in (_BLOCK, _SIMPLE_BLOCK):
            if self._number is None:
                raise damaged("audio before the webm header")
            number, start = _number(body, 0)
            if number == self._number:
                if body[start + 2 : start + 3] and body[start + 2] & 0x06:
                    raise AudioError("audio.unsupported", "laced webm blocks are only read from whole files")
                yield body[start + 3 :]


def _first_audio(tracks: bytes) -> tuple[int, Track]:
    for ident, entry in _children(tracks):
        fields = dict(_children(entry)) if ident == _TRACK_ENTRY else {}
        if _uint(fields.get(_TYPE)) == _AUDIO_TYPE:
            return _uint(fields.get(_NUMBER)), _track(fields)
    raise AudioError("audio.unsupported", "the webm stream has no audio track")


def _track(fields: dict[int, bytes]) -> Track:
    audio = dict(_children(fields.get(_AUDIO, b"")))
    name = fields.get(_CODEC, b"").rstrip(b"\0").decode("ascii", "replace")
    bits = _uint(audio.get(_BITS)) if name.startswith("A_PCM") else 0
    if (name, bits) not in _CODECS or _ENCODINGS in fields:
        raise AudioError("audio.unsupported", f"webm audio coded as {name!r} is not read")
    rate = _float(audio.get(_RATE), 8000.0)
    if not 1 <= rate < 1 << 31:
        raise damaged(f"a rate of {rate} Hz")
    return Track(_CODECS[name, bits], int(rate), _uint(audio.get(_CHANNELS), 1), fields.get(_PRIVATE, b""))


def _children(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The (ID, payload) pairs inside a master element."""
    at = 0
    while at < len(body):
        header = _header(body, at)
        ident, size, start = header or (0, None, 0)
        if size is None or start + size > len(body):
            raise damaged("a webm element ends behind its parent")
        yield ident, body[start : start + size]
        at = start + size


def _header(data: bytes | bytearray, at: int) -> tuple[int, int | None, int] | None:
    """(ID, size or None when unknown, start of the payload) of the element at `at`; None: more bytes are needed."""
    if at >= len(data):
        return None
    id_length = 9 - data[at].bit_length()
    if id_length > 4:
        raise damaged("no webm element where one must be")
    size_at = at + id_length
    if size_at >= len(data):
        return None
    size_length = 9 - data[size_at].bit_length()
    if size_length > 8:
        raise damaged("a webm size of more than 8 bytes")
    start = size_at + size_length
    if start > len(data):
        return None
    size = int.from_bytes(data[size_at:start]) & (1 << 7 * size_length) - 1
    unknown = size == (1 << 7 * size_length) - 1
    return int.from_bytes(data[at:size_at]), None if unknown else size, start


def _number(body: bytes, at: int) -> tuple[int, int]:
    """The variable-length number at `at`, and where it ends."""
    length = 9 - body[at].bit_length() if at < len(body) else 9
    if length > 8 or at + length > len(body):
        raise damaged("a webm block without a track number")
    return int.from_bytes(body[at : at + length]) & (1 << 7 * length) - 1, at + length


def _uint(body: bytes | None, default: int = 0) -> int:
    return default if body is None else int.from_bytes(body[:8])


def _float(body: bytes | None, default: float) -> float:
    layouts = {4: ">f", 8: ">d"}
    return default if body is None or len(body) not in layouts else struct.unpack(layouts[len(body)], body)[0]
