"""What a demuxer gives: one Track when a header is complete, then the packets of that track."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from sonant.errors import AudioError

# The largest header, packet or page of audio that is held in memory; honest ones are a few KiB.
MAX_PIECE = 1 << 20


@dataclass(frozen=True)
class Track:
    """What a decoder must know before the first packet; `codec` is FFmpeg's name."""

    codec: str
    rate_hz: int
    channels: int
    extradata: bytes = b""
    skip_s: float = 0.0
    """Priming to drop at the start, where the decoder does not know of it."""


class Demuxer(Protocol):
    """Takes bytes as they come. A second Track starts a new recording; nothing is given before the first."""

    def push(self, data: bytes) -> Iterator[Track | bytes]: ...


class DamagedError(AudioError):
    """The bytes cannot be followed any further; packets given before are good."""


def damaged(what: str) -> DamagedError:
    return DamagedError("audio.undecodable", f"damaged audio: {what}")


def check_piece(size: int, what: str) -> None:
    """Refuse a piece that claims more bytes than any honest one."""
    if size > MAX_PIECE:
        raise damaged(f"{what} of {size} bytes")


def check_magic(data: bytes | bytearray, magic: bytes, container: str) -> None:
    """Refuse a stream as soon as its first bytes cannot become `magic`."""
    if not magic.startswith(data[: len(magic)]):
        raise damaged(f"no {container} header at the start")
