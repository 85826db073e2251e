"""The process that decoders are forked from, and what runs in each of them.

The nursery has loaded all decoders and reads no recording itself: it gets one end of a socket, forks, and gives back a
handle to kill the child with. A child shares the loaded code with all others and costs some 2 ms and 2 MiB. It serves
one live stream or one long recording, confined as `sandbox_child` is, and ends with it.
"""

from __future__ import annotations

import gc
import math
import os
import resource
import signal
import socket
import traceback
from collections.abc import Iterable, Iterator

import numpy as np

from sonant.audio.codec import PacketDecoder
from sonant.audio.decode import decode_parts
from sonant.audio.demux.track import Track
from sonant.audio.samples import Wav
from sonant.audio.sandbox_child import bound, confine, load_all, status
from sonant.audio.sandbox_wire import PART_SAMPLES, Head, packed, refusal, take
from sonant.audio.stream_decode import StreamDecoder
from sonant.errors import AudioError

_SPARE_BYTES = 96 << 20
"""What the decoder of one stream may allocate besides the recording itself."""
_OPUS_HEAD = b"OpusHead\1\1" + bytes(2) + (48_000).to_bytes(4, "little") + bytes(3)
_OPUS_SILENCE = b"\xf8\xff\xfe"


def main() -> None:
    """Forks a child for every socket that comes, until the other side hangs up."""
    load_all()
    PacketDecoder(Track("opus", 48_000, 1, _OPUS_HEAD)).push(_OPUS_SILENCE)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries them
    gc.collect()
    gc.freeze()  # or the first collection in a child would copy all pages
    with socket.socket(fileno=0) as parent:
        parent.sendall(b"!")
        while fds := socket.recv_fds(parent, 1, 1)[1]:
            try:
                pid = os.fork()
            except OSError:
                parent.sendall(b"-")
            else:
                if pid == 0:
                    _live(fds[0])
                handle = os.pidfd_open(pid)
                socket.send_fds(parent, [b"+"], [handle])
                os.close(handle)
            os.close(fds[0])


def _live(fd: int) -> None:
    """The life of a child: never returns."""
    try:
        os.dup2(fd, 0)  # in place of the nursery's own socket
        os.close(fd)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        confine()
        with socket.socket(fileno=0) as connection:
            serve(connection)
    except ConnectionError:
        pass  # the session ended meanwhile
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def serve(connection: socket.socket) -> None:
    """Answers until the stream is over or refused. The first message tells what comes: a file, or pieces."""
    first = take(connection)
    if first is None:
        return
    job, data = first
    vm_bytes = int(status(b"VmSize")) << 10
    rate_hz, max_s, cpu_s = int(job["rate_hz"]), float(job["max_s"]), float(job["timeout_s"])
    if "max_bytes" in job:
        bound(resource.RLIMIT_AS, vm_bytes + _SPARE_BYTES + 4 * int(job["max_bytes"]))
        _bound_cpu(cpu_s)
        answer(connection, decode_parts(data, rate_hz=rate_hz, max_s=max_s, max_bytes=int(job["max_bytes"])))
        return
    bound(resource.RLIMIT_AS, vm_bytes + _SPARE_BYTES)
    decoder = StreamDecoder(job["format"], rate_hz, max_s=max_s)
    while (message := take(connection)) is not None:
        head, data = message
        _bound_cpu(cpu_s)
        if not answer(connection, decoder.rest() if "end" in head else decoder.parts(data)) or "end" in head:
            return


def answer(connection: socket.socket, parts: Iterable[Wav]) -> bool:
    """Sends samples as they come, in few messages; waits where they are not read. False: the stream was refused."""
    try:
        before: Wav | None = None
        for wav_N in _packs(parts):
            if before is not None:
                connection.sendall(packed({"more": 1}, before.tobytes()))
            before = wav_N
        told, body = Head(), b"" if before is None else before.tobytes()
    except AudioError as error:
        told, body = refusal(error), b""
    except MemoryError:
        error = AudioError("audio.too_big", "decoding it needs more memory than a stream may take")
        told, body = refusal(error), b""
    except ConnectionError:
        raise
    except Exception:
        told, body = {"bug": traceback.format_exc()}, b""
    connection.sendall(packed(told, body))
    return not told


def _packs(parts: Iterable[Wav]) -> Iterator[Wav]:
    """Samples in arrays of PART_SAMPLES, and a last smaller one."""
    held: list[Wav] = []
    count = 0
    for part_N in parts:
        wav_N = part_N
        while count + len(wav_N) >= PART_SAMPLES:
            head_N, wav_N = np.split(wav_N, [PART_SAMPLES - count])
            yield np.concatenate([*held, head_N]).astype("<f4", copy=False)
            held, count = [], 0
        held.append(wav_N)
        count += len(wav_N)
    if count:
        yield np.concatenate(held).astype("<f4", copy=False)


def _bound_cpu(seconds: float) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    bound(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + seconds) + 1)


if __name__ == "__main__":
    main()
