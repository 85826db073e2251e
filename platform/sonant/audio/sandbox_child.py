"""What runs in a decoder process: bytes come in over a socket, samples go out (`sandbox_wire`). It can do nothing else.

Memory and CPU time are bounded anew for each recording; files, sockets and processes cannot be opened any more once the
first one is awaited.
"""

from __future__ import annotations

import json
import math
import os
import resource
import socket
import traceback
from contextlib import suppress
from typing import Any

import numpy as np

from sonant.audio.decode import decode
from sonant.audio.sandbox_wire import HEAD, refusal, take
from sonant.audio.wav import encode_wav
from sonant.errors import AudioError

_SPARE_BYTES = 256 << 20
"""What decoders may allocate for themselves, however short a recording is."""
_COPIES = 6
"""Of the samples: the blocks, the whole, and what numpy and soxr hold on the way."""


def main() -> None:
    """Answers one recording after another until the other side hangs up."""
    load_all()
    vm_bytes = int(status(b"VmSize")) << 10
    confine()
    with socket.socket(fileno=0) as parent:
        parent.sendall(b"!")
        while (message := take(parent)) is not None:
            told, samples = answer(*message, vm_bytes)
            out = json.dumps(told).encode()
            parent.sendall(HEAD.pack(len(out), len(samples)) + out)
            parent.sendall(samples)


def answer(job: dict[str, Any], data: bytes, vm_bytes: int) -> tuple[dict[str, str], bytes]:
    """Head and body of the answer to one recording."""
    rate_hz, max_s, max_bytes = int(job["rate_hz"]), float(job["max_s"]), int(job["max_bytes"])
    samples_bytes = math.ceil(4 * rate_hz * max_s)
    bound(resource.RLIMIT_AS, vm_bytes + _SPARE_BYTES + _COPIES * samples_bytes + 4 * max_bytes)
    used = resource.getrusage(resource.RUSAGE_SELF)
    bound(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + float(job["timeout_s"])) + 1)
    try:
        return {}, decode(data, rate_hz=rate_hz, max_s=max_s, max_bytes=max_bytes).astype("<f4", copy=False).tobytes()
    except AudioError as error:
        return refusal(error), b""
    except MemoryError:
        error = AudioError("audio.too_big", "decoding it needs more memory than a recording may take")
        return refusal(error), b""
    except Exception:
        return {"bug": traceback.format_exc()}, b""


def load_all() -> None:
    """What is otherwise loaded with the first recording, or the first bad one: later on, nothing can be."""
    decode(encode_wav(np.zeros(64, np.float32), 8000), rate_hz=16_000, max_s=1)
    for damaged in (b"fLaC" + bytes(50), b"OggS\0\2" + bytes(50), b"\x1a\x45\xdf\xa3" + bytes(50)):
        with suppress(AudioError):
            decode(damaged, rate_hz=16_000, max_s=1)
    json.dumps({"loaded": traceback.format_stack()})


def confine() -> None:
    """From here on: no file larger than nothing is written, no dump, nothing new is opened, nothing is started."""
    opened = max(int(name) for name in os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 63
    for what, most in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, opened + 1),
    ):
        resource.setrlimit(what, (most, most))


def bound(what: int, most: int) -> None:
    """A soft limit, which the next recording may raise again."""
    with suppress(ValueError):  # above a hard limit that was there before: then that one holds
        resource.setrlimit(what, (most, resource.getrlimit(what)[1]))


def status(name: bytes) -> bytes:
    """A number in /proc/self/status, in KiB."""
    with open("/proc/self/status", "rb") as file:
        return next(line.split()[1] for line in file if line.startswith(name + b":"))


if __name__ == "__main__":
    main()
