"""Long recordings, decoded part by part in a process of their own while they are used: blocking, for threads.

The process holds the encoded bytes and one part; it waits where the next part is not asked for.
"""

from __future__ import annotations

import time
from collections.abc import Generator

from sonant.audio.decode import decode_parts
from sonant.audio.nursery import Child, Nursery
from sonant.audio.samples import Wav
from sonant.audio.sandbox import is_plain
from sonant.audio.sandbox_wire import READ_BYTES, Inbox, crashed, packed, too_slow


def sandboxed_parts(
    data: bytes, *, rate_hz: int, max_s: float, max_bytes: int, timeout_s: float, nursery: Nursery
) -> Generator[Wav]:
    """What `decode_parts` gives; audio.undecodable when the process dies of it, or was waited for `timeout_s` in all.

    Plain WAV is read here. Nothing happens before the first part is asked for; close it to end the process early.
    """
    if len(data) > max_bytes or is_plain(data):
        yield from decode_parts(data, rate_hz=rate_hz, max_s=max_s, max_bytes=max_bytes)
        return
    job = {"rate_hz": rate_hz, "max_s": max_s, "max_bytes": max_bytes, "timeout_s": timeout_s}
    child = nursery.child()
    try:
        yield from _asked(child, packed(job, data), Inbox((max_s + 1) * rate_hz), timeout_s)
    finally:
        child.end()


def _asked(child: Child, question: bytes, inbox: Inbox, timeout_s: float) -> Generator[Wav]:
    connection, left_s, more = child.connection, timeout_s, True
    try:
        connection.settimeout(left_s)
        connection.sendall(question)
        while more:
            began = time.monotonic()
            while (part := inbox.next()) is None:
                connection.settimeout(max(0.001, left_s - (time.monotonic() - began)))
                inbox.feed(connection.recv(READ_BYTES))
            left_s -= time.monotonic() - began
            more = part.more
            yield part.wav_N
    except TimeoutError:
        raise too_slow(timeout_s) from None
    except (EOFError, ConnectionError):
        raise crashed() from None
