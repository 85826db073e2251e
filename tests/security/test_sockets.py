"""Live sessions against clients that say anything in any order: whatever happens, no slot and no task is left behind.

SONANT_HOSTILE=10000 pytest -s tests/security/test_sockets.py
"""

from __future__ import annotations

import asyncio
import io
import json
import random
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from sonant.audio import live_decode
from sonant.audio.hostile import mutants
from sonant.audio.nursery import Child, nursery
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


CODECS = {"webm": "libopus", "ogg": "libopus", "mp4": "aac"}


def recorded(container: str) -> bytes:
    """A second and a half as a browser's recorder writes it."""
    options = {"movflags": "frag_keyframe+delay_moov+default_base_moof", "frag_duration": "100000"}
    file = io.BytesIO()
    wav_N = 0.1 * np.random.default_rng(0).standard_normal(72_000).astype(np.float32)
    with av.open(file, "w", format=container, options=options if container == "mp4" else {}) as out:
        stream = out.add_stream(CODECS[container], rate=48_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(wav_N[None], format="fltp", layout="mono")
        frame.sample_rate = 48_000
        shaper = av.AudioResampler(stream.format, "mono", 48_000, frame_size=stream.codec_context.frame_size)
        for part in [*shaper.resample(frame), *shaper.resample(None), None]:
            out.mux(stream.encode(part))
    return file.getvalue()


class Player:
    """Plays containers to live sessions, and remembers the processes that decode them."""

    def __init__(self, replica: Any, open_socket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.replica, self.open_socket = replica, open_socket
        self.children: list[Child] = []
        self.most_kib = 0
        child = nursery().child

        def watched() -> Child:
            self.children.append(child())
            return self.children[-1]

        monkeypatch.setattr(nursery(), "child", watched)
        ask = live_decode.CodedDecoder._ask

        async def looked(decoder: live_decode.CodedDecoder, *asked: Any) -> None:
            self.most_kib = max(self.most_kib, _private_kib(decoder._child))
            await ask(decoder, *asked)

        monkeypatch.setattr(live_decode.CodedDecoder, "_ask", looked)

    def begin(self, container: str) -> Any:
        socket = self.open_socket(self.replica, f"{self.replica.prefix}/stream")
        socket.say(json.dumps({"type": "start", "format": container}))
        return socket

    async def play(self, container: str, data: bytes) -> str:
        """How a session with this sound ends."""
        socket = self.begin(container)
        for start in range(0, len(data), 4000):
            socket.say(data[start : start + 4000])
        socket.say('{"type": "end"}')
        await asyncio.wait_for(socket.task, 30)
        last = socket.told()[-1]
        assert socket.close_code is not None
        return "done" if last["type"] == "done" else f"{last['error']['code']}: {last['error']['message']}"


def _private_kib(child: Child) -> int:
    """Memory that is a process' own; 0 once it has ended."""
    try:
        info = Path(f"/proc/self/fdinfo/{child.handle}").read_text(encoding="ascii")
        pid = next(line.split()[1] for line in info.splitlines() if line.startswith("Pid:"))
        smaps = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return sum(int(line.split()[1]) for line in smaps.splitlines() if line.startswith("Private_"))


def test_hostile_containers(
    live: list[Any], open_socket: Any, count: Callable[[int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutated streams end in an answer or a typed error; no decoder crashes, hangs or bloats."""
    replica = next(one for one in live if one.name == "classify")
    player = Player(replica, open_socket, monkeypatch)
    each = -(-count(60) // len(CODECS))
    ends: Counter[str] = Counter()

    async def play_all() -> None:
        for number, container in enumerate(CODECS):
            honest = recorded(container)
            assert await player.play(container, honest) == "done"
            for mutant in mutants(honest, seed=number, count=each):
                ends[await player.play(container, mutant)] += 1

    asyncio.run(play_all())
    codes = Counter({code: sum(n for end, n in ends.items() if end.partition(":")[0] == code)
                     for code in {end.partition(":")[0] for end in ends}})  # fmt: skip
    print(
        f"\n{sum(ends.values())} mutated live streams: {dict(codes)}, a decoder's own memory <= {player.most_kib} KiB"
    )
    assert [end for end in ends if "crashed" in end or "takes longer" in end or "internal" in end] == []
    assert ends["done"] > 0, "mutations are too strong"
    assert len(codes) > 1, "mutations are too weak"
    assert 0 < player.most_kib < 32 << 10
    assert Fuzz(replica, open_socket).used() == 0


@pytest.mark.parametrize(("how", "told"), [(signal.SIGKILL, "crashed"), (signal.SIGSTOP, "longer than 2 s")])
def test_a_decoder_that_dies_or_hangs_ends_its_session_alone(
    live: list[Any], open_socket: Any, how: signal.Signals, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = next(one for one in live if one.name == "classify")
    player = Player(replica, open_socket, monkeypatch)
    data = recorded("webm")

    async def two() -> None:
        sockets = []
        for _ in range(2):
            sockets.append(player.begin("webm"))
            while not sockets[-1].told():
                await asyncio.sleep(0)
        first, second = sockets
        signal.pidfd_send_signal(player.children[0].handle, how)
        for socket in sockets:
            socket.say(data)
            socket.say('{"type": "end"}')
        await asyncio.wait_for(asyncio.gather(first.task, second.task), 30)
        error = first.told()[-1]["error"]
        assert (error["code"], first.close_code) == ("audio.undecodable", 1003)
        assert told in error["message"]
        assert second.told()[-1]["type"] == "done"
        assert await player.play("webm", data) == "done"

    asyncio.run(two())
    assert Fuzz(replica, open_socket).used() == 0
