"""The process espeak-ng lives in: a script of its own, run as `python -I -S espeak_fork.py LIBRARY DATA` by espeak.py.

The library keeps its state in globals that no call resets: what it says depends on what it said before. So the
process that loaded it never speaks. It forks for every utterance, and each fork speaks from the same fresh state. A
fork costs by the memory of its parent (5 ms with numpy and PyAV loaded, 0.5 ms without): nothing else is imported.

A request is a line of JSON [text, voice, [parameter, value], ...]. The answer is an exit status and a number of bytes
(int32, uint32), then the samples.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import struct
import sys

HEAD = struct.Struct("<iI")
CPU_LIMIT_S = 30

# speak_lib.h
_OUTPUT_SYNCHRONOUS = 2
_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_END_PAUSE = 0x1000
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)


def main(library_path: str, data_parent: str) -> None:
    """Loads the library, answers with its sample rate, then with one utterance for each line of input."""
    library = ctypes.CDLL(library_path)
    pointer, number = ctypes.c_void_p, ctypes.c_uint
    library.espeak_Synth.argtypes = [pointer, ctypes.c_size_t, number, ctypes.c_int, number, number, pointer, pointer]
    rate_hz = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, data_parent.encode(), _DONT_EXIT)
    _send(rate_hz, b"")
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _speak_and_exit(library, json.loads(line))
        _, status = os.waitpid(pid, 0)
        if status:
            _send(os.waitstatus_to_exitcode(status), b"")


def _speak_and_exit(library: ctypes.CDLL, request: list[object]) -> None:
    """What the fork does. It never returns: it must not read the next line."""
    code = 1
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_LIMIT_S, CPU_LIMIT_S))
        text, voice, *parameters = request
        parts: list[bytes] = []

        def collect(samples: int | None, count: int, events: int | None) -> int:
            if samples and count:
                parts.append(ctypes.string_at(samples, 2 * count))
            return 0

        callback = _Callback(collect)
        library.espeak_SetSynthCallback(callback)
        # Breath and whisper are random, and seeded with the time otherwise.
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        code = library.espeak_SetVoiceByName(f"gmw/{voice}".encode())
        for parameter in parameters:
            code = code or library.espeak_SetParameter(*parameter, 0)  # pyright: ignore[reportGeneralTypeIssues]
        raw = str(text).encode() + b"\0"
        code = code or library.espeak_Synth(raw, len(raw), 0, 0, 0, _CHARS_UTF8 | _END_PAUSE, None, None)
        if code == 0:
            _send(0, b"".join(parts))
    finally:
        os._exit(code)


def _send(status: int, raw: bytes) -> None:
    data = HEAD.pack(status, len(raw)) + raw
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main(*sys.argv[1:])
