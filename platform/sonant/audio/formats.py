"""Which container bytes are, told by the bytes alone: file names and declared media types are never believed."""

from __future__ import annotations

from typing import Literal

from sonant.errors import AudioError

Container = Literal["wav", "aiff", "sphere", "flac", "ogg", "mp3", "adts", "webm", "mp4"]

# (offset, bytes there, container); a container may have a second mark that must hold too.
_MARKS: tuple[tuple[int, bytes, Container], ...] = (
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"\x1a\x45\xdf\xa3", "webm"),
    (0, b"NIST_1A", "sphere"),
    (8, b"WAVE", "wav"),
    (8, b"AIFF", "aiff"),
    (8, b"AIFC", "aiff"),
    (4, b"ftyp", "mp4"),
    (4, b"moov", "mp4"),
    (4, b"mdat", "mp4"),
    (4, b"wide", "mp4"),
)
_FIRST: dict[Container, tuple[bytes, ...]] = {"wav": (b"RIFF", b"RIFX", b"RF64"), "aiff": (b"FORM",)}


def sniff(data: bytes) -> Container:
    """Name the container of `data` by its magic bytes, looking behind an ID3v2 tag if there is one."""
    if not data:
        raise AudioError("audio.empty", "no bytes at all")
    head = data[_id3_size(data[:10]) :][:12]
    for offset, mark, container in _MARKS:
        if head.startswith(mark, offset) and head.startswith(_FIRST.get(container, (b"",))):
            return container
    frame = _mpeg_frame(head)
    if frame is None:
        raise AudioError("audio.unsupported", "the first bytes are of no audio format that we read")
    return frame


def _id3_size(head: bytes) -> int:
    """Bytes of the ID3v2 tag that starts with `head`: four 7-bit digits after its version and flags."""
    if len(head) < 10 or not head.startswith(b"ID3"):
        return 0
    digits = [byte & 0x7F for byte in head[6:10]]
    return 10 + (digits[0] << 21 | digits[1] << 14 | digits[2] << 7 | digits[3])


def _mpeg_frame(head: bytes) -> Container | None:
    """MPEG audio without a container: 11 sync bits, then version and layer (layer 0 is AAC in ADTS)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0:
        return "adts" if version >= 2 and head[2] >> 2 & 15 < 13 else None
    bitrate, rate = head[2] >> 4, head[2] >> 2 & 3
    return "mp3" if version != 1 and bitrate != 15 and rate != 3 else None
