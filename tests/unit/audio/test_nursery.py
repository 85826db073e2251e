"""Forked decoder processes: each on its own, confined, and gone with whoever asked for it."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable
from pathlib import Path

from sonant.audio.nursery import Child, Nursery
from sonant.audio.sandbox_wire import packed, take


def test_children_are_processes_of_their_own(
    nursery: Nursery, pid_of: Callable[[Child], int], ended: Callable[[int], bool]
) -> None:
    one, other = nursery.child(), nursery.child()
    pids = {pid_of(one), pid_of(other), nursery.pid, os.getpid()}
    assert len(pids) == 4
    handle = os.dup(one.handle)
    one.end()
    one.end()
    assert ended(handle)
    os.close(handle)
    job = {"format": "webm", "rate_hz": 16_000, "max_s": 1, "timeout_s": 5}
    other.connection.settimeout(10)
    other.connection.sendall(packed(job) + packed({}, b"no webm"))
    told = take(other.connection)
    assert told is not None
    assert told[0]["code"] == "audio.undecodable"
    other.end()


def test_a_child_can_open_write_and_start_nothing(nursery: Nursery, pid_of: Callable[[Child], int]) -> None:
    child = nursery.child()
    job = {"format": "ogg", "rate_hz": 16_000, "max_s": 1, "timeout_s": 5}
    child.connection.sendall(packed(job) + packed({}, b"O"))
    take(child.connection)
    pid = pid_of(child)
    lines = Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines()
    bounds = {line[:26].strip(): line[26:].split() for line in lines}
    assert bounds["Max file size"][:2] == ["0", "0"]
    assert bounds["Max processes"][:2] == ["0", "0"]
    assert int(bounds["Max open files"][0]) <= 5
    assert int(bounds["Max cpu time"][0]) <= 10
    assert int(bounds["Max address space"][0]) < 1 << 30
    # Its own socket, /dev/null and what it complains on: neither the nursery's socket nor that of another child.
    assert sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2"]
    child.end()


def test_a_child_goes_with_whoever_asked_for_it(nursery: Nursery, ended: Callable[[int], bool]) -> None:
    child = Nursery.child(nursery)  # the fixture's own would remember it
    handle = os.dup(child.handle)
    del child
    gc.collect()
    assert ended(handle)
    os.close(handle)


def test_a_nursery_that_was_killed_is_started_again() -> None:
    made = Nursery()
    survivor = made.child()
    before = made.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
    made.child().end()
    assert made.pid != before
    survivor.connection.settimeout(10)
    job = {"format": "webm", "rate_hz": 16_000, "max_s": 1, "timeout_s": 5}
    survivor.connection.sendall(packed(job) + packed({"end": 1}))
    assert take(survivor.connection) == ({}, b""), "its children go on"
    survivor.end()
    made.close()
