"""The box structure of MP4 (ISO 14496-12): a size, a name of four letters, a payload that may hold boxes again."""

from __future__ import annotations

from collections.abc import Iterator

from sonant.audio.demux.track import damaged

# More boxes side by side than any honest file has: an hour in fragments of 100 ms has 72000.
_MAX_BOXES = 1 << 17


def find(data: bytes, *path: bytes) -> bytes:
    """The payload of the first box at `path`, or nothing."""
    for kind, _, body in boxes(data):
        if kind == path[0]:
            return find(body, *path[1:]) if len(path) > 1 else body
    return b""


def boxes(data: bytes, *, truncated: bool = False) -> Iterator[tuple[bytes, int, bytes]]:
    """(name, offset of the box, payload) of the boxes in `data`; the last may be cut short in a `truncated` file."""
    at = 0
    for _ in range(_MAX_BOXES):
        head = header(data, at)
        if head is None:
            return
        kind, start, size = head
        end = at + size if size else len(data)
        if end > len(data) and not truncated:
            raise damaged("an mp4 box ends behind its parent")
        yield kind, at, data[start:end]
        at = end
    raise damaged(f"more than {_MAX_BOXES} mp4 boxes")


def header(data: bytes | bytearray, at: int) -> tuple[bytes, int, int] | None:
    """(name, start of the payload, size of the whole box or 0: to the end); None: more bytes are needed."""
    if len(data) - at < 8:
        return None
    size, start = int.from_bytes(data[at : at + 4]), at + 8
    if size == 1:
        if len(data) - at < 16:
            return None
        size, start = int.from_bytes(data[at + 8 : at + 16]), at + 16
    if 0 < size < start - at or size >= 1 << 62:
        raise damaged(f"an mp4 box of {size} bytes")
    return bytes(data[at + 4 : at + 8]), start, size


def u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2])


def u32(data: bytes, at: int) -> int:
    if at + 4 > len(data):
        raise damaged("a short mp4 box")
    return int.from_bytes(data[at : at + 4])
