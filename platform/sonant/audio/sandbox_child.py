"""What runs in a decoder process: bytes come in over a socket, samples go out. It can do nothing else.

Both ways: two little-endian uint32 (length of the JSON head, of the body), the head, the body. Memory and CPU time are
bounded anew for each recording; files, sockets and processes cannot be opened any more once the first one is awaited.
"""

from __future__ import annotations

import json
import math
import os
import resource
import socket
import struct
import traceback
from contextlib import suppress
from typing import Any

import numpy as np

from sonant.audio.decode import decode
from sonant.audio.wav import encode_wav
from sonant.errors import AudioError

HEAD = struct.Struct("<II")
_SPARE_BYTES = 256 << 20
"""What decoders may allocate for themselves, however short a recording is."""
_COPIES = 6
"""Of the samples: the blocks, the whole, and what numpy and soxr hold on the way."""


def main() -> None:
    """Answers one recording after another until the other side hangs up."""
    _load_all()
    vm_bytes = int(_status(b"VmSize")) << 10
    _confine()
    with socket.socket(fileno=0) as parent:
        parent.sendall(b"!")
        while (raw := receive(parent, HEAD.size)) is not None:
            head_size, body_size = HEAD.unpack(raw)
            head, body = receive(parent, head_size), receive(parent, body_size)
            if head is None or body is None:
                return
            told, samples = answer(json.loads(head), bytes(body), vm_bytes)
            out = json.dumps(told).encode()
            parent.sendall(HEAD.pack(len(out), len(samples)) + out)
            parent.sendall(samples)


def answer(job: dict[str, Any], data: bytes, vm_bytes: int) -> tuple[dict[str, str], bytes]:
    """Head and body of the answer to one recording."""
    rate_hz, max_s, max_bytes = int(job["rate_hz"]), float(job["max_s"]), int(job["max_bytes"])
    samples_bytes = math.ceil(4 * rate_hz * max_s)
    _bound(resource.RLIMIT_AS, vm_bytes + _SPARE_BYTES + _COPIES * samples_bytes + 4 * max_bytes)
    used = resource.getrusage(resource.RUSAGE_SELF)
    _bound(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + float(job["timeout_s"])) + 1)
    try:
        return {}, decode(data, rate_hz=rate_hz, max_s=max_s, max_bytes=max_bytes).astype("<f4", copy=False).tobytes()
    except AudioError as error:
        return {"code": error.code, "message": error.message, "hint": error.hint}, b""
    except MemoryError:
        error = AudioError("audio.too_big", "decoding it needs more memory than a recording may take")
        return {"code": error.code, "message": error.message, "hint": error.hint}, b""
    except Exception:
        return {"bug": traceback.format_exc()}, b""


def receive(connection: socket.socket, count: int) -> bytearray | None:
    """Exactly `count` bytes; None when the other side has hung up."""
    data = bytearray(count)
    view = memoryview(data)
    got = 0
    while got < count:
        size = connection.recv_into(view[got:])
        if size == 0:
            return None
        got += size
    return data


def _load_all() -> None:
    """What is otherwise loaded with the first recording, or the first bad one: later on, nothing can be."""
    decode(encode_wav(np.zeros(64, np.float32), 8000), rate_hz=16_000, max_s=1)
    for damaged in (b"fLaC" + bytes(50), b"OggS\0\2" + bytes(50), b"\x1a\x45\xdf\xa3" + bytes(50)):
        with suppress(AudioError):
            decode(damaged, rate_hz=16_000, max_s=1)
    json.dumps({"loaded": traceback.format_stack()})


def _confine() -> None:
    """From here on: no file larger than nothing is written, no dump, nothing new is opened, nothing is started."""
    opened = max(int(name) for name in os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 63
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, opened + 1),
    ):
        resource.setrlimit(what, (most, most))


def _bound(what: int, most: int) -> None:
    """A soft limit, which the next recording may raise again."""
    with suppress(ValueError):  # above a hard limit that was there before: then that one holds
        resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def _status(name: bytes) -> bytes:
    """A number in /proc/self/status, in KiB."""
    with open("/proc/self/status", "rb") as file:
        return next(line.split()[1] for line in file if line.startswith(name + b":"))


if __name__ == "__main__":
    main()
