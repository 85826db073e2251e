"""Files made to hurt: headers that lie, and mutations of honest recordings. For tests of whatever takes uploads.

Each forged file comes with the outcomes that are right for it: "ok", or codes of errors.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np


def wav(
    *, rate: int = 16_000, channels: int = 1, bits: int = 16, form: int = 1, align: int | None = None,
    size: int | None = None, riff: int | None = None, body: bytes = b"\x10\x20" * 8_000, fmt_size: int = 16,
) -> bytes:  # fmt: skip
    """A WAV file whose header says what it is told to."""
    block = channels * bits // 8 if align is None else align
    fmt = struct.pack("<HHIIHH", form, channels, rate, rate * block & 0xFFFFFFFF, block & 0xFFFF, bits)
    data = b"data" + struct.pack("<I", len(body) if size is None else size) + body
    total = 20 + len(fmt) + len(data) if riff is None else riff
    return b"RIFF" + struct.pack("<I", total) + b"WAVEfmt " + struct.pack("<I", fmt_size) + fmt + data


def flac(*, rate: int = 16_000, channels: int = 1, bits: int = 16, frames: int = 0, tail: bytes = b"") -> bytes:
    """The head of a FLAC file, and whatever is to follow it."""
    packed = rate << 44 | channels - 1 << 41 | bits - 1 << 36 | frames
    info = struct.pack(">HH", 4096, 4096) + bytes(6) + packed.to_bytes(8) + bytes(16)
    return b"fLaC\x80\x00\x00\x22" + info + tail


def aiff(*, rate_exponent: int = 0x400C, mantissa: int = 0xFA000000_00000000, frames: int = 8_000) -> bytes:
    """An AIFF file with a rate of any exponent (80-bit floats), and any number of frames in its header."""
    comm = struct.pack(">HIH", 1, frames, 16) + struct.pack(">HQ", rate_exponent, mantissa)
    body = struct.pack(">II", 0, 0) + b"\x10\x20" * 8_000
    chunks = b"COMM" + struct.pack(">I", 18) + comm + b"SSND" + struct.pack(">I", len(body)) + body
    return b"FORM" + struct.pack(">I", 4 + len(chunks)) + b"AIFF" + chunks


def box(name: bytes, *parts: bytes) -> bytes:
    """A box of MP4, of the right size."""
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + name + body


def mp4(
    *, count: int = 10, size: int = 6, per_chunk: int = 10, chunks: int = 1, codec: bytes = b"mp4a", start: int = 0
) -> bytes:
    """An m4a whose tables promise `count` packets of `size` bytes; behind them are 600 bytes."""
    config = bytes.fromhex("031900010004114015") + bytes(11) + bytes.fromhex("05021190060102")
    entry = box(codec, bytes(16), struct.pack(">HHHHI", 2, 16, 0, 0, 48_000 << 16), box(b"esds", bytes(4), config))
    table = box(
        b"stbl",
        box(b"stsd", bytes(4), struct.pack(">I", 1), entry),
        box(b"stts", bytes(4), struct.pack(">III", 1, count, 1024)),
        box(b"stsc", bytes(4), struct.pack(">IIII", 1, 1, per_chunk, 1)),
        box(b"stsz", bytes(4), struct.pack(">II", size, count)),
        box(b"stco", bytes(4), struct.pack(">I", chunks), struct.pack(">I", 36) * min(chunks, 1_000)),
    )
    edit = box(b"edts", box(b"elst", bytes(4), struct.pack(">IIii", 1, 0, start, 0)))
    header = box(b"mdhd", bytes(12), struct.pack(">II", 48_000, 0), bytes(4))
    handler = box(b"hdlr", bytes(8), b"soun", bytes(13))
    track = box(b"trak", box(b"tkhd", bytes(84)), edit, box(b"mdia", header, handler, box(b"minf", table)))
    media = box(b"mdat", b"\x21\x10\x04\x60\x8c\x1c" * 100)
    return box(b"ftyp", b"isom\0\0\0\0isom") + media + box(b"moov", box(b"mvhd", bytes(100)), track)


def webm(*elements: bytes) -> bytes:
    """The head of a WebM file with a segment of unknown size."""
    return (
        bytes.fromhex("1a45dfa3 8a 4282 84 7765626d ec 80")
        + bytes.fromhex("18538067 01ffffffffffffff")
        + b"".join(elements)
    )


def ogg_page(body: bytes, *, flags: int = 2, segments: bytes | None = None) -> bytes:
    """A page of Ogg, its checksum wrong."""
    lacing = bytes([len(body)]) if segments is None else segments
    return b"OggS\0" + bytes([flags]) + bytes(8) + b"\1\0\0\0" + bytes(8) + bytes([len(lacing)]) + lacing + body


def double_wav(value: float) -> bytes:
    """A WAV file of 64-bit floats, all the same."""
    return wav(form=3, bits=64, body=struct.pack("<d", value) * 1_000)


_BAD = {"audio.undecodable", "audio.unsupported"}
_ANY = {"ok", "audio.undecodable", "audio.empty", "audio.too_long"}
FORGED: dict[str, tuple[bytes, set[str]]] = {
    "nothing": (b"", {"audio.empty"}),
    "one byte": (b"R", {"audio.unsupported"}),
    "text": (b"hello, this is no sound at all", {"audio.unsupported"}),
    "zeros": (bytes(10_000), {"audio.unsupported"}),
    "html": (b"<html>" * 100, {"audio.unsupported"}),
    "a png": (b"\x89PNG\r\n\x1a\n" + bytes(100), {"audio.unsupported"}),
    "a zip": (b"PK\x03\x04" + bytes(100), {"audio.unsupported"}),
    "a pickle": (b"\x80\x04\x95" + bytes(100), {"audio.unsupported"}),
    "a playlist": (b"#EXTM3U\nfile:///etc/passwd\n", {"audio.unsupported"}),
    "an edit list for ffmpeg": (b"ffconcat version 1.0\nfile /etc/passwd\n", {"audio.unsupported"}),
    "only a riff": (b"RIFF\x24\0\0\0WAVE", {"audio.undecodable"}),
    "655350 Hz, 8 channels": (wav(rate=655_350, channels=8), {"audio.unsupported"}),
    "0 Hz": (wav(rate=0), {"audio.undecodable", "audio.unsupported"}),
    "999 Hz": (wav(rate=999), {"audio.unsupported"}),
    "384001 Hz": (wav(rate=384_001), {"audio.unsupported"}),
    "2^32-1 Hz": (wav(rate=0xFFFFFFFF), {"audio.undecodable", "audio.unsupported"}),
    "2^31 Hz": (wav(rate=1 << 31), {"audio.undecodable", "audio.unsupported"}),
    "1000 Hz": (wav(rate=1_000), {"audio.too_long"}),
    "0 channels": (wav(channels=0, align=2), {"audio.undecodable", "audio.unsupported"}),
    "9 channels": (wav(channels=9), {"audio.unsupported"}),
    "1024 channels": (wav(channels=1024, bits=8), {"audio.undecodable", "audio.unsupported"}),
    "65535 channels": (wav(channels=65535, bits=8, align=65535), {"audio.undecodable", "audio.unsupported"}),
    "0 bits": (wav(bits=0, align=2), _BAD),
    "65535 bits": (wav(bits=65535, align=2), _BAD),
    "align 0": (wav(align=0), {"ok", "audio.undecodable"}),
    "align 65535": (wav(align=65535), {"ok", "audio.undecodable"}),
    "unknown codec": (wav(form=0x7A21), {"audio.undecodable", "audio.unsupported"}),
    "data size 0": (wav(size=0), {"ok", "audio.empty"}),
    "data size -1": (wav(size=0xFFFFFFFF), {"ok"}),
    "data size > file": (wav(size=1 << 30), {"ok"}),
    "data size odd": (wav(size=7), {"ok"}),
    "riff size 0": (wav(riff=0), {"ok", "audio.empty"}),
    "riff size -1": (wav(riff=0xFFFFFFFF), {"ok"}),
    "fmt size 0": (wav(fmt_size=0), {"audio.undecodable", "audio.empty"}),
    "fmt size -1": (wav(fmt_size=0xFFFFFFFF), {"audio.undecodable", "audio.empty"}),
    "odd byte": (wav(body=b"\x10\x20" * 100 + b"\x01"), {"ok"}),
    "1 sample": (wav(body=b"\x10\x20"), {"ok"}),
    "0 samples": (wav(body=b""), {"audio.empty"}),
    "half a sample": (wav(body=b"\x10"), {"audio.empty", "audio.undecodable"}),
    "8 bit dc": (wav(bits=8, body=b"\xff" * 1_000), {"ok"}),
    "double nan": (double_wav(float("nan")), {"audio.not_finite"}),
    "double inf": (double_wav(float("-inf")), {"audio.not_finite"}),
    "double beyond float": (double_wav(1e300), {"audio.not_finite"}),
    "double huge": (double_wav(1e38), {"ok"}),
    "double denormal": (double_wav(5e-324), {"ok"}),
    "flac, no frames": (flac(), {"audio.undecodable", "audio.empty"}),
    "flac, 2^36 frames": (flac(frames=(1 << 36) - 1, tail=bytes(1_000)), {"audio.undecodable", "audio.empty"}),
    "flac, 655350 Hz, 8 channels": (
        flac(rate=655_350, channels=8, frames=1 << 35, tail=b"\xff\xf8\x69\x08\x00\x00" * 50),
        {"audio.unsupported", "audio.undecodable"},
    ),
    "flac, 0 Hz": (flac(rate=0, tail=bytes(50)), {"audio.undecodable", "audio.unsupported"}),
    "flac, metadata forever": (b"fLaC" + b"\x01\xff\xff\xff" * 100, {"audio.undecodable"}),
    "flac, picture of 16 MiB": (b"fLaC\x06\xff\xff\xff" + bytes(40), {"audio.undecodable"}),
    "aiff, 2^32-1 frames": (aiff(frames=0xFFFFFFFF), {"ok", "audio.undecodable"}),
    "aiff, infinite rate": (aiff(rate_exponent=0x7FFF), {"audio.undecodable", "audio.unsupported"}),
    "aiff, rate of 2^62": (aiff(rate_exponent=0x403D), {"audio.undecodable", "audio.unsupported"}),
    "sphere, no end": (b"NIST_1A\n   1024\n" + b"a" * 5_000, {"audio.undecodable"}),
    "id3 behind the end": (b"ID3\x03\0\0\x7f\x7f\x7f\x7f" + bytes(100), {"audio.unsupported"}),
    "id3 alone": (b"ID3\x03\0\0\0\0\0\x05hello", {"audio.unsupported"}),
    "mp3 syncs only": (b"\xff\xfb\x90\x00" * 5_000, {"ok", "audio.undecodable", "audio.empty"}),
    "mp3, one header": (b"\xff\xfb\x90\x00", {"audio.undecodable", "audio.empty"}),
    "adts, length 0": (b"\xff\xf1\x50\x80\x00\x1f\xfc" * 500, {"audio.undecodable", "audio.empty"}),
    "ogg, page of nothing": (ogg_page(b""), {"audio.undecodable", "audio.empty"}),
    "ogg, 255 empty segments": (ogg_page(b"", segments=bytes(255)) * 50, {"audio.undecodable", "audio.empty"}),
    "ogg, opus with 255 channels": (
        ogg_page(b"OpusHead\x01\xff\0\0\x80\xbb\0\0\0\0\x01"),
        {"audio.undecodable", "audio.empty", "audio.unsupported"},
    ),
    "ogg, vorbis with 0 Hz": (
        ogg_page(b"\x01vorbis" + bytes(4) + b"\x02" + bytes(18)),
        {"audio.undecodable", "audio.empty", "audio.unsupported"},
    ),
    "webm, header only": (webm(), _BAD),
    "webm, element of 2^56": (webm(bytes.fromhex("1654ae6b 01fffffffffffffe")), _BAD),
    "webm, nested 1000 deep": (webm(bytes.fromhex("1f43b675 01ffffffffffffff") * 1_000), _BAD),
    "webm, zeros": (webm(bytes(5_000)), _BAD),
    "mp4, ftyp only": (box(b"ftyp", b"isom"), {"audio.undecodable"}),
    "mp4, box of size 1": (struct.pack(">I", 1) + b"ftyp" + bytes(20), {"audio.undecodable"}),
    "mp4, box of 2^63": (box(b"ftyp") + b"\0\0\0\1moov" + b"\x7f" * 8, {"audio.undecodable"}),
    "mp4, box of size 3": (box(b"ftyp") + b"\0\0\0\3moov" + bytes(50), {"audio.undecodable"}),
    "mp4, a million boxes": (box(b"ftyp") + box(b"free") * 1_000_000, {"audio.undecodable"}),
    "mp4, 1000 boxes in boxes": (
        box(b"ftyp") + b"".join(struct.pack(">I", 8 * (1_000 - i)) + b"moov" for i in range(1_000)),
        _BAD,
    ),
    "mp4, no such codec": (mp4(codec=b"evil"), {"audio.unsupported"}),
    "mp4, 2^32-1 packets": (mp4(count=0xFFFFFFFF, per_chunk=0xFFFFFFFF), _ANY),
    "mp4, 2^24 packets in 1 KiB": (mp4(count=1 << 24, size=1, per_chunk=1 << 24), _ANY),
    "mp4, one packet many times": (mp4(count=1 << 30, size=600, per_chunk=1, chunks=1_000), _ANY),
    "mp4, chunks of nothing": (mp4(per_chunk=0), {"audio.undecodable"}),
    "mp4, packets of 2 GiB": (mp4(size=0x7FFFFFFF), {"audio.undecodable"}),
    "mp4, 2^32-1 chunks": (mp4(chunks=0xFFFFFFFF), _ANY),
    "mp4, starts after 12 hours": (mp4(start=0x7FFFFFFF), {"audio.unsupported"}),
}  # fmt: skip
"""By name: the file, and what may come of it."""


def mutants(data: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Flipped bytes (mostly in the header), cut-out, doubled and zeroed spans, extreme integers."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        mutant = bytearray(data)
        for _ in range(int(rng.integers(1, 6))):
            reach = len(mutant) if rng.random() < 0.4 else min(len(mutant), 400)
            at = int(rng.integers(reach))
            span = int(rng.integers(1, 64))
            match int(rng.integers(5)):
                case 0:
                    mutant[at] ^= int(rng.integers(1, 256))
                case 1:
                    del mutant[at : at + span]
                case 2:
                    mutant[at:at] = mutant[at : at + span]
                case 3:
                    mutant[at : at + 4] = rng.choice(
                        [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\x80"]
                    )
                case _:
                    mutant[at : at + span] = rng.bytes(span)
        yield bytes(mutant)
