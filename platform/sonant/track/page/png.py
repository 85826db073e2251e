"""Pictures of sounds as PNG files, with nothing but numpy and zlib."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from sonant.track.spectrogram import decibels

_RANGE_DB = 80.0
# From silent to loud, dark to light, so that it reads in grey and to colour-blind eyes as well.
_ANCHORS_A3 = np.array(
    [(8, 8, 20), (45, 20, 84), (118, 32, 108), (190, 55, 84), (236, 105, 54), (251, 178, 74), (252, 250, 205)]
)


def spectrogram(wav_N: NDArray[np.floating], rate_hz: int) -> bytes:
    """A spectrogram, low frequencies at the bottom, one column every 10 ms."""
    level_FT = decibels(wav_N, rate_hz)[::-1]
    return encode(np.rint(255 * (1.0 + level_FT / _RANGE_DB)).astype(np.uint8))


def encode(index_HW: NDArray[np.uint8]) -> bytes:
    """A PNG whose pixels are places on the colour scale (PNG specification, section 11: palette, no filter)."""
    height, width = index_HW.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), index_HW], axis=1)
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette().tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def palette() -> NDArray[np.uint8]:
    """The 256 colours, (256, 3)."""
    at = np.linspace(0, len(_ANCHORS_A3) - 1, 256)
    channels = [np.interp(at, np.arange(len(_ANCHORS_A3)), _ANCHORS_A3[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)
