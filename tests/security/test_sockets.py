"""Live sessions against clients that say anything in any order: whatever happens, no slot and no task is left behind.

SONANT_HOSTILE=10000 pytest -s tests/security/test_sockets.py
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sonant.audio.wav import encode_wav

TOGETHER = 6
"""Sequences at the same time: more than there are slots."""

pytestmark = pytest.mark.timeout(3000)

FORMATS = ("pcm_s16le", "pcm_f32le", "webm", "ogg", "mp4")
MAGICS = (b"", b"\x1a\x45\xdf\xa3", b"OggS\0\2", b"\0\0\0\x18ftypisom", bytes.fromhex("18538067 01ffffffffffffff"))


VOICE = encode_wav((0.1 * np.random.default_rng(0).standard_normal(2000)).astype(np.float32), 4000)
"""Whom an extractor is to follow."""


def start(rng: random.Random, task: str) -> str:
    """A start message, mostly a right one for an application of this task."""
    message: dict[str, Any] = {"type": "start", "format": rng.choice(FORMATS)}
    if task in ("extract", "enhance"):
        message |= {"output": rng.choice(["pcm_s16le", "pcm_f32le"]), "dry": rng.random(), "enroll": task == "extract"}
    else:
        message["scores"] = rng.random() < 0.5
    if rng.random() < 0.5:
        message["sample_rate_hz"] = rng.choice([8000, 16_000, 44_100, 192_000])
    match rng.randrange(30):
        case 0:
            message["sample_rate_hz"] = rng.choice([0, -1, 1 << 40, "x", None, 1e9, True])
        case 1:
            message["format"] = rng.choice(["wma", "", None, 3, "pcm_s16le\0"])
        case 2:
            message["more"] = [[]] * rng.randrange(50)
        case 3:
            message["enroll"] = True
        case 4:
            message["speaker"] = rng.choice(["spk_" + "0" * 32, "../../etc/passwd", "", 7])
        case _:
            pass
    return json.dumps(message)


def sound(rng: random.Random) -> bytes:
    """Audio, or bytes that are none."""
    size = rng.choice([0, 1, 2, 3, 640, 641, 6400, 30_000])
    match rng.randrange(4):
        case 0:
            return rng.choice(MAGICS) + rng.randbytes(size)
        case 1:
            return np.full(size // 4, rng.choice([np.nan, np.inf, 1e30, 0.0]), "<f4").tobytes()
        case 2:
            return bytes(65 << 10) if rng.random() < 0.1 else bytes(size)
        case _:
            return rng.randbytes(size)


def text(rng: random.Random) -> str:
    """A text message, seldom one of ours."""
    return rng.choice([
        '{"type": "ping"}', '{"type": "ping"}', '{"type": "enrolled"}', '{"type": "nothing"}', "", "{", "null", "[]",
        "[" * 4000, "x" * 5000, '{"type": "ping", "type": "end"}', '{"type": {"type": "end"}}', "\ud7ff\0",
    ])  # fmt: skip


def step(rng: random.Random, begun: bool, task: str) -> str | bytes:
    if not begun and rng.random() < 0.95:
        return start(rng, task)
    draw = rng.random()
    if draw < 0.7:
        return sound(rng)
    return (
        '{"type": "ping"}'
        if draw < 0.82
        else text(rng)
        if draw < 0.88
        else start(rng, task)
        if draw < 0.9
        else '{"type": "end"}'
    )


class Fuzz:
    """Sequences of one seed against one application."""

    def __init__(self, replica: Any, open_socket: Any) -> None:
        self.replica, self.open_socket = replica, open_socket
        self.ends: Counter[str] = Counter()
        self.problems: list[str] = []

    def used(self) -> float:
        """Slots that are taken, as the metrics tell it."""
        families = self.replica.replica._metrics.snapshot()
        return next(samples[0][2] for name, _, _, samples in families if name == "sonant_slots_used")

    async def sequence(self, seed: int) -> None:
        rng = random.Random(seed)
        origin = [(b"origin", b"http://evil.example")] if rng.random() < 0.03 else []
        socket = self.open_socket(self.replica, f"{self.replica.prefix}/stream", origin)
        begun, task = False, self.replica.replica._face.served.task
        for _ in range(rng.randrange(9)):
            message = step(rng, begun, task)
            socket.say(message)
            if not begun and task == "extract" and rng.random() < 0.8:
                socket.say(VOICE)
                socket.say('{"type": "enrolled"}')
            begun = begun or isinstance(message, str)
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
            if rng.random() < 0.04:
                break
        match rng.randrange(4):
            case 0:
                # The server is taken down, or its patience ends, wherever it is at.
                for _ in range(rng.randrange(20)):
                    await asyncio.sleep(0)
                socket.task.cancel()
            case 1 if rng.random() < 0.05:
                pass  # it falls silent: the idle limit ends it
            case _:
                socket.leave()
        done, _ = await asyncio.wait([socket.task], timeout=20)
        self.judge(seed, socket, bool(done))

    def judge(self, seed: int, socket: Any, done: bool) -> None:
        if not done:
            self.problems.append(f"{seed}: it does not end")
            socket.task.cancel()
        elif socket.task.cancelled():
            self.ends["cancelled"] += 1
        elif (error := socket.task.exception()) is not None:
            self.problems.append(f"{seed}: {error!r}")
        else:
            errors = [message["error"]["code"] for message in socket.told() if message["type"] == "error"]
            self.ends[errors[0] if errors else "done" if socket.close_code == 1000 else "gone"] += 1
            if "server.internal" in errors:
                self.problems.append(f"{seed}: server.internal")
            if errors and socket.close_code is None:
                self.problems.append(f"{seed}: an error without a close code")

    async def run(self, total: int) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self.problems.append(str(context)))
        seeds = iter(range(total))

        async def one_after_another() -> None:
            for seed in seeds:
                await self.sequence(seed)

        await asyncio.gather(*(one_after_another() for _ in range(TOGETHER)))
        # What was cancelled may still be on its way through its last call of the graph.
        for _ in range(100):
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            if not rest:
                break
            await asyncio.wait(rest, timeout=0.1)
        self.problems += [f"a task is left: {task!r}" for task in asyncio.all_tasks() - {asyncio.current_task()}]


@pytest.fixture(scope="module")
def live(replicas: Callable[..., list[Any]]) -> list[Any]:
    """The applications that have live sessions."""
    faces = [(one, getattr(one.replica, "_face", None)) for one in replicas()]
    return [one for one, face in faces if face is not None and face.served.live and face.served.task != "embed"]


def test_random_sequences_leave_nothing_behind(
    live: list[Any], open_socket: Any, count: Callable[[int], int], caplog: pytest.LogCaptureFixture
) -> None:
    assert {one.name for one in live} >= {"classify", "detect"}
    for replica in live:
        fuzz = Fuzz(replica, open_socket)
        total = -(-count(600) // len(live))
        asyncio.run(fuzz.run(total))
        print(f"\n{replica.name}: {total} sequences: {dict(fuzz.ends.most_common())}, {fuzz.used():g} slots left taken")
        assert fuzz.problems == []
        assert fuzz.used() == 0
        assert len(fuzz.ends) >= 6, "the sequences are too much alike"
        asyncio.run(all_slots_open(replica, open_socket))
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def all_slots_open(replica: Any, open_socket: Any) -> None:
    """As many sessions as there are slots begin at once, and end well."""
    sockets = [open_socket(replica, f"{replica.prefix}/stream") for _ in range(4)]
    for one in sockets:
        if replica.replica._face.served.task == "extract":
            one.say('{"type": "start", "enroll": true}')
            one.say(VOICE)
            one.say('{"type": "enrolled"}')
        else:
            one.say('{"type": "start"}')
        one.say(bytes(32_000))
        one.say('{"type": "end"}')
    await asyncio.wait_for(asyncio.gather(*(one.task for one in sockets)), 30)
    assert [one.told()[-1]["type"] for one in sockets] == ["done"] * 4
    assert [one.close_code for one in sockets] == [1000] * 4


def test_a_leaked_slot_would_be_seen(live: list[Any], open_socket: Any) -> None:
    replica = live[0]
    fuzz = Fuzz(replica, open_socket)

    async def hold() -> None:
        socket = open_socket(replica, f"{replica.prefix}/stream")
        socket.say('{"type": "start"}')
        while not socket.outbox[1:]:
            await asyncio.sleep(0)
        assert fuzz.used() == 1
        socket.leave()
        await socket.task

    asyncio.run(hold())
    assert fuzz.used() == 0
