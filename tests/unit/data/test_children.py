import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from sonant.data.child import HEAD
from sonant.data.children import Child, Refusal, run
from sonant.data.source import Job


def silence(samples: int) -> Job:
    return {"kind": "silence", "seed": 0, "index": 0, "samples": samples, "zero": 1}


def test_answers_come_in_the_order_of_the_jobs() -> None:
    lengths = [9, 3, 7, 1, 8, 2] * 10
    answers = list(run(map(silence, lengths), workers=2))
    assert [answer.size for answer in answers if not isinstance(answer, Refusal)] == lengths


def test_users_mistakes_are_answers_and_ours_are_raised(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF....WAVE")
    job: Job = {"kind": "file", "url": str(tmp_path / "a.wav"), "rate_hz": 16000, "max_s": 1.0, "start_s": None}
    refused, good = run([job, silence(4)], workers=1)
    assert isinstance(refused, Refusal)
    assert refused.code == "audio.undecodable"
    assert isinstance(good, np.ndarray)
    with pytest.raises(RuntimeError, match=r"(?s)helper process.*KeyError: 'dance'"):
        list(run([{"kind": "dance"}], workers=1))


def test_a_crash_is_refused_and_the_next_job_gets_a_new_process() -> None:
    child = Child(timeout_s=60)
    try:
        assert isinstance(child.ask(silence(4)), np.ndarray)
        os.kill(_pid(child), signal.SIGSEGV)
        refused = child.ask(silence(5))
        assert isinstance(refused, Refusal)
        assert refused.code == "env.child"
        assert "crashed" in refused.message
        assert '"samples": 5' in refused.message
        answer = child.ask(silence(6))
        assert isinstance(answer, np.ndarray)
        assert answer.size == 6
    finally:
        child.close()


def test_a_hang_is_refused_after_the_time_limit() -> None:
    child = Child(timeout_s=0.2)
    try:
        # A stopped process is alive and answers nothing: exactly a hang.
        child.start()
        os.kill(_pid(child), signal.SIGSTOP)
        refused = child.ask(silence(5))
        assert isinstance(refused, Refusal)
        assert "took longer than 0.2 s" in refused.message
    finally:
        child.close()


def test_leaving_early_ends_all_processes() -> None:
    children, threads = _children(), set(threading.enumerate())
    answers = run(map(silence, range(1, 1000)), workers=2)
    next(answers)
    assert _children() > children
    answers.close()
    assert _children() == children
    assert set(threading.enumerate()) == threads


def test_a_closed_child_starts_no_more() -> None:
    child = Child(timeout_s=60)
    child.close()
    assert isinstance(child.ask(silence(1)), Refusal)


def test_the_head_is_eight_bytes() -> None:
    assert HEAD.pack(1, 2) == b"\x01\0\0\0\x02\0\0\0"


def _pid(child: Child) -> int:
    process = child.start()
    assert process is not None
    return process.pid


def _children() -> set[int]:
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text().split()}
