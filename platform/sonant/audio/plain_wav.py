"""Plain WAV files without any decoder: 16-bit PCM or 32-bit floats behind a header that agrees with itself.

Numpy alone reads these, which is safe and fast enough to do where requests are answered. Whatever is odd about a file
is left to the real decoders: `read` knows it or lets it be.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonant.audio.codec import Block
from sonant.audio.convert import check_shape
from sonant.audio.samples import INT16_SCALE, to_unit

_MAX_CHUNKS = 8
_PIECE_FRAMES = 1 << 16
_EXTENSIBLE = 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
# (format, bits): (sample type, full scale)
_TYPES: dict[tuple[int, int], tuple[str, float]] = {(1, 16): ("<i2", INT16_SCALE), (3, 32): ("<f4", 1.0)}


class PlainWav(NamedTuple):
    """The samples of such a file as they lie in its bytes: raw_NC."""

    rate_hz: int
    raw_NC: NDArray[np.generic]
    scale: float

    def blocks(self) -> Iterator[Block]:
        """All samples as floats, piece by piece."""
        for start in range(0, len(self.raw_NC), _PIECE_FRAMES):
            yield Block(self.rate_hz, to_unit(self.raw_NC[start : start + _PIECE_FRAMES], 0.0, self.scale))


def read(raw: bytes) -> PlainWav | None:
    """The samples of a plain WAV file; None for anything else. AudioError for a rate or channels that nobody has."""
    if len(raw) < 44 or raw[:4] != b"RIFF" or raw[8:12] != b"WAVE":
        return None
    fmt: bytes | None = None
    at = 12
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(raw):
            return None
        name, size = struct.unpack_from("<4sI", raw, at)
        at += 8
        if at + size > len(raw):
            return None
        if name == b"data":
            agrees = at + size <= int.from_bytes(raw[4:8], "little") + 8
            return _samples(fmt, raw, at, size) if fmt is not None and agrees else None
        if name == b"fmt ":
            fmt = raw[at : at + size]
        at += size + size % 2
    return None


def _samples(fmt: bytes, raw: bytes, at: int, size: int) -> PlainWav | None:
    if len(fmt) not in (16, 18, 40):
        return None
    form, channels, rate_hz, _, align, bits = struct.unpack_from("<HHIIHH", fmt)
    if form == _EXTENSIBLE and len(fmt) == 40 and fmt[26:] == _GUID_TAIL:
        form = int.from_bytes(fmt[24:26], "little")
    kind = _TYPES.get((form, bits))
    if kind is None or size == 0 or channels == 0 or align != channels * bits // 8 or size % align:
        return None
    check_shape(rate_hz, channels)
    dtype, scale = kind
    flat = np.frombuffer(raw, dtype, count=size * 8 // bits, offset=at)
    return PlainWav(rate_hz, flat.reshape(-1, channels), scale)
