"""The header of an MP4 file: which track is audio, how it is coded, and where its sample table is."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from sonant.audio.demux.mp4_boxes import boxes, find, u16, u32
from sonant.audio.demux.track import Track, damaged
from sonant.errors import AudioError

# Object types of MPEG-4 and MPEG-2 AAC, and of MPEG layer 3.
_OBJECTS = {0x40: "aac", 0x66: "aac", 0x67: "aac", 0x68: "aac", 0x69: "mp3float", 0x6B: "mp3float"}


@dataclass(frozen=True)
class Movie:
    """What `moov` says about its first audio track."""

    track: Track
    track_id: int
    default_size: int
    table: dict[bytes, bytes]
    """The boxes of the sample table by name; without samples in a fragmented file."""


def read_movie(moov: bytes) -> Movie:
    """Everything that is needed from the payload of `moov`."""
    for kind, _, trak in boxes(moov):
        if kind == b"trak" and find(trak, b"mdia", b"hdlr")[8:12] == b"soun":
            return _movie(moov, trak)
    raise AudioError("audio.unsupported", "the mp4 has no audio track")


def _movie(moov: bytes, trak: bytes) -> Movie:
    table = {kind: body for kind, _, body in boxes(find(trak, b"mdia", b"minf", b"stbl"))}
    tkhd, mdhd = find(trak, b"tkhd"), find(trak, b"mdia", b"mdhd")
    track_id = u32(tkhd, 20 if tkhd[:1] == b"\1" else 12)
    timescale = u32(mdhd, 20 if mdhd[:1] == b"\1" else 12)
    default_size = 0
    for kind, _, trex in boxes(find(moov, b"mvex")):
        if kind == b"trex" and u32(trex, 4) == track_id:
            default_size = u32(trex, 16)
    skip_s = _edit_start(find(trak, b"edts", b"elst")) / timescale if timescale else 0.0
    return Movie(_track(table.get(b"stsd", b""), skip_s), track_id, default_size, table)


def _edit_start(elst: bytes) -> int:
    """Where the first edit that is no gap starts in the media: the priming that a player skips, in ticks."""
    wide = elst[:1] == b"\1"
    size, layout = (20, ">Qq") if wide else (12, ">Ii")
    for at in range(8, len(elst) - size + 1, size):
        _, start = struct.unpack_from(layout, elst, at)
        if start >= 0:
            return start
    return 0


def _track(stsd: bytes, skip_s: float) -> Track:
    """The codec from the first sample description; FFmpeg wants each codec's own header as extradata."""
    kind, _, entry = next(boxes(stsd[8:]), (b"", 0, b""))
    if len(entry) < 28:
        raise damaged("an mp4 track without a description")
    version, channels, rate_hz = u16(entry, 8), u16(entry, 16), u16(entry, 24)
    inside = entry[28 + {1: 16, 2: 36}.get(version, 0) :]
    # QuickTime wraps the codec's boxes in `wave`.
    inside = find(inside, b"wave") or inside
    if kind == b"mp4a":
        codec, config = _read_esds(find(inside, b"esds")[4:])
        return Track(codec, rate_hz, channels, config, skip_s)
    if kind == b"Opus":
        # The decoder skips what its own header tells; the edit list would say it twice.
        return Track("opus", 48_000, channels, _opus_head(find(inside, b"dOps")))
    if kind == b"alac":
        return Track("alac", rate_hz, channels, struct.pack(">I4s", 36, b"alac") + find(inside, b"alac"), skip_s)
    if kind == b"fLaC":
        return Track("flac", rate_hz, channels, find(inside, b"dfLa")[8:42], skip_s)
    raise AudioError("audio.unsupported", f"mp4 audio coded as {kind.decode('ascii', 'replace')!r} is not read")


def _opus_head(dops: bytes) -> bytes:
    """The OpusHead of ogg from the dOps of mp4: the same fields, in the other byte order."""
    if len(dops) < 11:
        raise damaged("a short opus header")
    _, channels, pre_skip, rate, gain = struct.unpack_from(">BBHIh", dops)
    return b"OpusHead" + struct.pack("<BBHIh", 1, channels, pre_skip, rate, gain) + dops[10:]


def _read_esds(body: bytes) -> tuple[str, bytes]:
    """(codec, AudioSpecificConfig) from nested descriptors: tag, length in 7-bit digits, payload (ISO 14496-1)."""
    codec, at = "", 0
    while at < len(body):
        tag, at = body[at], at + 1
        length = 0
        for digit in body[at : at + 4]:
            length, at = length << 7 | digit & 0x7F, at + 1
            if digit < 0x80:
                break
        if tag == 3:  # ES: 2 bytes id, 1 of flags, then optional fields
            flags = body[at + 2] if at + 2 < len(body) else 0
            at += 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
        elif tag == 4:  # DecoderConfig: object type, then 12 bytes of buffer sizes and rates
            kind = body[at] if at < len(body) else 0
            codec = _OBJECTS.get(kind, "")
            at += 13
        elif tag == 5 and codec:
            return codec, body[at : at + length]
        else:
            at += length
    if codec != "mp3float":
        raise AudioError("audio.unsupported", "mp4 audio of an unknown kind")
    return codec, b""
