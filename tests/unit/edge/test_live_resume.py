"""Sessions that lose their connection again and again, to two replicas in turn: what comes out is what would have come.

The networks are a few lines of numpy with real states, so that hundreds of cuts take seconds; tests/chaos does the
same with bundles, Ray Serve and replicas that are killed.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from sonant.client.live import Answer, LiveClient
from sonant.config.replica import Limits, Sessions
from sonant.edge import face
from sonant.edge.live import Live
from sonant.edge.metrics import Metrics
from sonant.edge.saved import SavedSessions
from sonant.edge.streams_labels import LabelStreams
from sonant.edge.streams_sound import SoundStreams
from sonant.runtime.info import EventRule, Link
from sonant.runtime.slots import SlotPool
from sonant.runtime.sound_slots import SoundPool
from sonant.runtime.sounds import Sound

Floats = NDArray[np.float32]
RATE_HZ, HOP = 8000, 80


def info_of(**others: Any) -> Any:
    plain = {"id": "toy/1", "labels": (), "background": (), "sample_rate_hz": RATE_HZ, "hop": HOP, "latency": 0}
    return SimpleNamespace(**{**plain, "detect": None, "window_ms": 50.0, "link": Link(), **others})


class Loudness:
    """Two labels, quiet and loud, of a level that follows the sound."""

    hop = HOP
    info = info_of(
        labels=("quiet", "loud"),
        background=("quiet",),
        events=EventRule(threshold=0.6, release=0.5, smooth_ms=40.0, refractory_ms=100.0),
    )

    def init_state(self, rows: int) -> dict[str, Any]:
        return {"level": np.zeros((rows, 1), np.float32)}

    def step(self, chunk_BN: Floats, state: dict[str, Any]) -> tuple[Floats, dict[str, Any]]:
        level_B1, frames = state["level"].copy(), []
        for at in range(0, chunk_BN.shape[1], HOP):
            level_B1 = 0.8 * level_B1 + 0.2 * np.abs(chunk_BN[:, at : at + HOP]).max(axis=1, keepdims=True)
            frames.append(np.concatenate((1 - 20 * level_B1, 20 * level_B1 - 1), axis=1))
        return np.stack(frames, axis=1).astype(np.float32), {"level": level_B1.astype(np.float32)}


class Delay:
    """The sound of two hops ago, times a gain of the stream's own, plus a level that it carries along."""

    hop, latency = HOP, 2 * HOP
    info = info_of(latency=2 * HOP)

    def init_state(self, rows: int) -> dict[str, Any]:
        return {"past": np.zeros((rows, 2 * HOP), np.float32), "sum": np.zeros((rows, 1), np.float32)}

    def advance(self, chunk_BN: Floats, state: dict[str, Any], held: dict[str, Any]) -> tuple[Sound, dict[str, Any]]:
        wav_BN = np.concatenate((state["past"], chunk_BN), axis=1)
        size = chunk_BN.shape[1]
        total_B1 = 0.5 * state["sum"] + chunk_BN.mean(axis=1, keepdims=True)
        told = Sound(held["gain"] * wav_BN[:, :size] + 0.01 * total_B1, np.full((len(wav_BN), size // HOP), 0.7))
        return told, {"past": wav_BN[:, size:], "sum": total_B1}

    def rest(self, state: dict[str, Any], hops: int, held: dict[str, Any]) -> Floats:
        return held["gain"] * state["past"]


class Voices(SoundStreams):
    """Each session has a gain of its own, as an extractor's has a voice."""

    async def prepare(self, slot: Any, start: Any, reference: bytes | None) -> None:
        with self.pool._rows:
            self.pool._state_R["gain"][slot.row] = 0.25 if start.output == "pcm_f32le" else 0.75


def labels() -> LabelStreams:
    return LabelStreams(SlotPool(Loudness(), 2))  # type: ignore[arg-type]


def sounds() -> SoundStreams:
    return Voices(SoundPool(Delay(), 2, {"gain": np.ones((1, 1), np.float32)}))  # type: ignore[arg-type]


class Town:
    """Two replicas that share a store; a connection goes to one of them and is cut after so many messages."""

    def __init__(self, make: Callable[[], Any], url: str, cuts: list[int]) -> None:
        settings = Sessions(url=url, snapshot_s=0.05)
        self.metrics = [Metrics("toy", "toy", "1") for _ in range(2)]
        self.lives = [Live(make(), Limits(max_sessions=2), one, sessions=settings) for one in self.metrics]
        self._apps = []
        for live in self.lives:
            api = face.create("toy")
            face.add_stream(api, live)
            self._apps.append(api)
        self._cuts, self.connections = cuts, 0
        self.loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.loop = asyncio.get_running_loop()
        left = self._cuts.pop(0) if self._cuts else 1 << 30
        app = self._apps[self.connections % 2]
        self.connections += 1
        gone = False

        async def cut_receive() -> Any:
            nonlocal left, gone
            message = await receive()
            left -= 1
            if left < 0:
                gone = True
                return {"type": "websocket.disconnect", "code": 1006}
            return message

        async def cut_send(message: Any) -> None:
            if not gone and left >= 0:
                await send(message)

        await app(scope, cut_receive, cut_send)


PLAIN = {"format": "pcm_s16le", "sample_rate_hz": RATE_HZ}
SESSIONS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "labels": (labels, {**PLAIN, "scores": True}),
    "labels at 44.1 kHz": (labels, {**PLAIN, "sample_rate_hz": 44_100, "scores": True}),
    "sound": (sounds, PLAIN),
    "a voice, as floats": (sounds, {**PLAIN, "format": "pcm_f32le", "sample_rate_hz": 16_000, "output": "pcm_f32le"}),
}


def speech(start: dict[str, Any], seconds: float = 3.0) -> list[Any]:
    """Bursts of noise in messages of any size, cut anywhere in samples too."""
    rng = np.random.default_rng(7)
    time_N = np.arange(int(seconds * start["sample_rate_hz"])) / start["sample_rate_hz"]
    wav_N = 0.3 * rng.standard_normal(len(time_N)) * (np.sin(2 * np.pi * 1.3 * time_N) > 0)
    raw = (wav_N * 8000).astype("<i2") if start["format"] == "pcm_s16le" else wav_N.astype("<f4")
    data, sizes = raw.tobytes(), rng.integers(1, 900, 2000).cumsum()
    cuts = [0, *(int(size) for size in sizes if size < len(data)), len(data)]
    return [data[at:until] for at, until in pairwise(cuts)]


def is_ready(answer: Answer) -> bool:
    return isinstance(answer, dict) and answer["type"] == "ready"


def told(url: str, start: dict[str, Any], messages: list[bytes | float]) -> tuple[list[Answer], LiveClient]:
    """What a session says about sound and, where a number stands between it, another mix."""

    async def talk() -> tuple[list[Answer], LiveClient]:
        async with LiveClient(url, start, max_unsaved=1 << 16) as client:

            async def speak() -> None:
                for message in messages:
                    await (client.send(message) if isinstance(message, bytes) else client.set(dry=message))
                await client.end()

            speaking = asyncio.create_task(speak())
            answers = [answer async for answer in client if not is_ready(answer)]
            await speaking
            return answers, client

    return asyncio.run(talk())


@pytest.mark.parametrize("kind", SESSIONS)
def test_cut_anywhere_a_session_says_what_it_would_have_said(kind: str, tmp_path: Path, run_app: Any) -> None:
    make, start = SESSIONS[kind]
    messages = speech(start)
    with run_app(Town(make, str(tmp_path / "kept"), [])) as url:
        whole, _ = told(url, start, messages)
    assert len(whole) > 20
    dice = random.Random(kind)
    cuts = [dice.choice((2, 3, 5, 9, 20, 40)) for _ in range(25)]
    town = Town(make, str(tmp_path / "kept"), list(cuts))
    with run_app(town) as url:
        pieces, client = told(url, start, messages)
    assert client.reconnects >= 5
    assert pieces == whole
    later = SavedSessions(str(tmp_path / "kept"), now=lambda: time.time() + 61)
    while list((tmp_path / "kept").iterdir()):  # tokens that never reached the client
        later.sweep()
    assert all(live.pool.used == 0 for live in town.lives)


def test_a_mix_that_changes_on_the_way_changes_where_it_did(tmp_path: Path, run_app: Any) -> None:
    make, start = SESSIONS["sound"]
    messages = speech(start)
    for at in range(len(messages) - 1, 0, -3):
        messages.insert(at, at % 10 / 10)
        messages.insert(at, 0.77)  # nothing is sent before the next: it is never heard
    with run_app(Town(make, str(tmp_path / "kept"), [])) as url:
        whole, _ = told(url, start, messages)
    with run_app(Town(make, str(tmp_path / "kept"), [3, 5, 9, 20, 40, 7, 11, 30, 4, 25])) as url:
        pieces, client = told(url, start, messages)
    assert client.reconnects >= 5
    assert pieces == whole


def test_a_replica_that_leaves_hands_its_sessions_over(tmp_path: Path, run_app: Any) -> None:
    make, start = SESSIONS["sound"]
    messages = speech(start)
    town = Town(make, str(tmp_path / "kept"), [])
    with run_app(town) as url:
        whole, _ = told(url, start, messages)

        async def talk() -> tuple[list[Answer], int]:
            async with LiveClient(url, start) as client:
                answers: list[Answer] = []
                for message in messages[: len(messages) // 2]:
                    await client.send(message)
                stream = aiter(client)
                while len(answers) < 10:
                    answers.append(await anext(stream))
                first = town.lives[1]  # the second connection of this town
                assert town.loop is not None
                leaving = asyncio.run_coroutine_threadsafe(first.drain(5.0), town.loop)
                assert await asyncio.wrap_future(leaving) == 1
                for message in messages[len(messages) // 2 :]:
                    await client.send(message)
                await client.end()
                answers += [answer async for answer in stream]
                answers = [answer for answer in answers if not is_ready(answer)]
                return answers, client.reconnects

        answers, reconnects = asyncio.run(talk())
    assert reconnects >= 1
    assert answers == whole


def test_who_cannot_go_on_elsewhere_has_time_to_end(tmp_path: Path, run_app: Any) -> None:
    town = Town(labels, str(tmp_path / "kept"), [])
    with run_app(town) as url:
        with connect("ws" + url[4:] + "/stream") as socket:
            socket.send(json.dumps({"type": "start", **PLAIN}))
            assert json.loads(socket.recv())["type"] == "ready"
            assert town.loop is not None
            leaving = asyncio.run_coroutine_threadsafe(town.lives[0].drain(0.2), town.loop)
            told = json.loads(socket.recv(timeout=5))
            assert told["type"] == "drain"
            assert "resume" not in told
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(timeout=5)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
        assert leaving.result(timeout=5) == 1
        town.connections = 0
        with connect("ws" + url[4:] + "/stream") as socket:
            assert json.loads(socket.recv(timeout=5))["error"]["code"] == "server.draining"


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ({"type": "resume", "token": "0" * 32, "number": 0, "received": 0}, "session.lost"),
        ({"type": "resume", "token": "../../etc", "number": 0, "received": 0}, "session.lost"),
        ({"type": "start", "format": "webm", "resume": True}, "request.invalid"),
    ],
)
def test_what_cannot_be_resumed_is_told(first: dict[str, Any], code: str, tmp_path: Path, run_app: Any) -> None:
    with (
        run_app(Town(labels, str(tmp_path / "kept"), [])) as url,
        connect("ws" + url[4:] + "/stream") as socket,
    ):
        socket.send(json.dumps(first))
        assert json.loads(socket.recv(timeout=5))["error"]["code"] == code


def test_a_server_that_keeps_nothing_is_told_when_it_is_lost(run_app: Any) -> None:
    live = Live(labels(), Limits(max_sessions=2), Metrics("toy", "toy", "1"))
    api = face.create("toy")
    face.add_stream(api, live)
    with run_app(api) as url:
        answers, client = told(url, PLAIN, speech(PLAIN, 0.5))
    assert "resume" not in client.ready
    assert isinstance(answers[-1], dict)
    assert answers[-1]["type"] == "done"
