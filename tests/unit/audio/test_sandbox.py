"""Decoder processes: the same samples, and a server that goes on whatever happens to them."""

from __future__ import annotations

import gc
import io
import os
import signal
import threading
from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from sonant.audio import sandbox_child
from sonant.audio.decode import decode
from sonant.audio.sandbox import Sandbox
from sonant.audio.wav import encode_wav
from sonant.errors import AudioError, RequestError

LIMITS = {"rate_hz": 16_000, "max_s": 5.0, "max_bytes": 1 << 20}


def flac(seconds: float = 0.5, rate_hz: int = 16_000) -> bytes:
    file = io.BytesIO()
    sf.write(file, 0.1 * np.random.default_rng(0).standard_normal(round(seconds * rate_hz)), rate_hz, format="FLAC")
    return file.getvalue()


@pytest.fixture(scope="module")
def sandbox() -> Generator[Sandbox]:
    made = Sandbox(timeout_s=20)
    yield made
    made.close()


def pid_of(sandbox: Sandbox) -> int:
    [decoder] = sandbox._idle
    assert decoder.pid is not None
    return decoder.pid


def test_it_gives_what_decode_gives_again_and_again(sandbox: Sandbox) -> None:
    for data in (flac(), flac(3, 48_000), flac()):
        np.testing.assert_array_equal(sandbox.decode(data, **LIMITS), decode(data, **LIMITS))


def test_refusals_come_back_as_they_are(sandbox: Sandbox) -> None:
    sandbox.decode(flac(), **LIMITS)
    pid = pid_of(sandbox)
    for data, code in ((flac(6), "audio.too_long"), (b"fLaC" + bytes(50), "audio.undecodable"),
                       (bytes((1 << 20) + 1), "audio.too_big")):  # fmt: skip
        with pytest.raises(AudioError) as caught:
            sandbox.decode(data, **LIMITS)
        assert caught.value.code == code
        assert caught.value.hint
    assert pid_of(sandbox) == pid, "a refusal costs no process"


def test_plain_wav_needs_no_process() -> None:
    made = Sandbox()
    made.decode(encode_wav(np.zeros(100, np.float32), 16_000), **LIMITS)
    assert made._idle[0].pid is None


def test_a_process_that_died_is_replaced(sandbox: Sandbox) -> None:
    sandbox.decode(flac(), **LIMITS)
    os.kill(pid_of(sandbox), signal.SIGKILL)
    os.waitid(os.P_PID, pid_of(sandbox), os.WEXITED | os.WNOWAIT)
    sandbox.decode(flac(), **LIMITS)


def test_dying_of_a_recording_is_the_recordings_fault(sandbox: Sandbox) -> None:
    sandbox.decode(flac(), **LIMITS)
    pid = pid_of(sandbox)
    os.kill(pid, signal.SIGSTOP)
    killer = threading.Timer(0.2, os.kill, (pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(AudioError, match="crashed") as caught:
        sandbox.decode(flac(), **LIMITS)
    killer.join()
    assert caught.value.code == "audio.undecodable"
    assert len(sandbox.decode(flac(), **LIMITS)) == 8000


def test_what_takes_too_long_is_killed() -> None:
    made = Sandbox(timeout_s=0.3)
    try:
        made._idle[0]._start()
        pid = pid_of(made)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(AudioError, match="longer than"):
            made.decode(flac(), **LIMITS)
        assert not Path(f"/proc/{pid}").exists()
    finally:
        made.close()


def test_callers_do_not_wait_for_ever_for_a_decoder() -> None:
    made = Sandbox(timeout_s=0.01)
    made._free.acquire()
    with pytest.raises(RequestError, match="busy") as caught:
        made.decode(flac(), **LIMITS)
    assert caught.value.code == "server.full"


def test_a_process_can_open_and_write_nothing(sandbox: Sandbox) -> None:
    sandbox.decode(flac(), **LIMITS)
    bounds = {line[:26].strip(): line[26:].split() for line in
              Path(f"/proc/{pid_of(sandbox)}/limits").read_text().splitlines()}  # fmt: skip
    assert bounds["Max file size"][:2] == ["0", "0"]
    assert bounds["Max core file size"][:2] == ["0", "0"]
    assert int(bounds["Max open files"][0]) <= 1 + max(map(int, os.listdir(f"/proc/{pid_of(sandbox)}/fd"))) + 1
    assert bounds["Max cpu time"][0] != "unlimited"
    assert int(bounds["Max address space"][0]) < 4 << 30
    environment = Path(f"/proc/{pid_of(sandbox)}/environ").read_bytes()
    assert {entry.partition(b"=")[0] for entry in environment.split(b"\0") if entry} == {
        b"PYTHONPATH", b"OMP_NUM_THREADS", b"OPENBLAS_NUM_THREADS"
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_memory_is_bounded() -> None:
    """In a child of this test: the bound would stay on this process."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        told = ""
        try:
            vm_bytes = int(sandbox_child.status(b"VmSize")) << 10
            sandbox_child._SPARE_BYTES = 0
            job = {"rate_hz": 16_000, "max_s": 0.01, "max_bytes": 1000, "timeout_s": 5}
            sandbox_child.decode = lambda *_, **__: np.zeros(64 << 20, np.uint8)  # type: ignore[assignment]
            told = sandbox_child.answer(job, b"", vm_bytes)[0].get("code", "")
        finally:
            os.write(write_end, told.encode())
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        assert pipe.read() == "audio.too_big"
    os.waitpid(child, 0)


def test_nothing_is_left_when_a_sandbox_goes() -> None:
    made = Sandbox()
    made.decode(flac(), **LIMITS)
    pid = pid_of(made)
    del made
    gc.collect()
    assert not Path(f"/proc/{pid}").exists()
