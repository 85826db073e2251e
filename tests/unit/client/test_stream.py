"""Live sessions of both clients, with a server that says what a script has for it and may hang up."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from typing import Any

import numpy as np
import pytest
from websockets.sync.server import ServerConnection, serve

from sonant.client import AsyncClient, Client
from sonant.edge.protocol import Done, Event, Level, Ready, Scores
from sonant.errors import DataError, EnvError, SonantError

READY = {"type": "ready", "session": "s", "model": "m/1", "labels": ["a"], "hop_ms": 10.0}
SOUND = {**READY, "output": {"format": "pcm_s16le", "sample_rate_hz": 16_000, "latency_ms": 1.0}}
Script = Callable[["Talk"], None]


class Talk:
    """One connection, as the server sees it."""

    def __init__(self, socket: ServerConnection) -> None:
        self.socket = socket
        assert socket.request is not None
        self.path, self.key = socket.request.path, socket.request.headers.get("Authorization")

    def hear(self) -> Any:
        """The next message: JSON, or sound as bytes."""
        data = self.socket.recv(timeout=10)
        return data if isinstance(data, bytes) else json.loads(data)

    def say(self, *messages: dict[str, Any] | bytes) -> None:
        for message in messages:
            self.socket.send(message if isinstance(message, bytes) else json.dumps(message))

    def hear_until(self, kind: str) -> list[Any]:
        """All up to a message of that type."""
        heard = [self.hear()]
        while not isinstance(heard[-1], dict) or heard[-1]["type"] != kind:
            heard.append(self.hear())
        return heard


@pytest.fixture
def played() -> Generator[Callable[..., str]]:
    """Runs a server whose connections follow the scripts, one after the other; gives its address."""
    servers: list[Any] = []

    def run(*scripts: Script) -> str:
        left = list(scripts)

        def connected(socket: ServerConnection) -> None:
            left.pop(0)(Talk(socket))

        server = serve(connected, "127.0.0.1", 0)
        servers.append((server, threading.Thread(target=server.serve_forever)))
        servers[-1][1].start()
        return f"http://127.0.0.1:{server.socket.getsockname()[1]}"

    yield run
    for server, thread in servers:
        server.shutdown()
        thread.join()


Ask = Callable[..., list[Any]]


@pytest.fixture(params=["Client", "AsyncClient"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """All that a session says: `ask(url, route, sound)`."""

    def call(url: str, route: str, sound: Iterable[Any], **wanted: Any) -> list[Any]:
        if request.param == "Client":
            return list(Client(url, "sonant_x").stream(route, sound, **wanted))

        async def run() -> list[Any]:
            async with AsyncClient(url, "sonant_x") as client:
                return [said async for said in client.stream(route, sound, **wanted)]

        return asyncio.run(run())

    return call


def test_answers_are_typed(played: Callable[..., str], ask: Ask) -> None:
    heard: list[Any] = []

    def script(talk: Talk) -> None:
        heard.extend([talk.path, talk.key, talk.hear()])
        talk.say(SOUND)
        heard.extend(talk.hear_until("end"))
        talk.say({"type": "event", "t_start": 0, "t_end": 1, "label": "a", "score": 0.5})
        talk.say({"type": "scores", "t": 1, "scores": {"a": 0.5}}, np.array([0, 16_384], "<i2").tobytes())
        talk.say({"type": "level", "t": 1, "input_dbfs": -20, "output_dbfs": -30}, {"type": "done", "audio_s": 1})

    sound = [b"\x01\x00", np.array([0.5], np.float32)]
    said = ask(played(script), "enhancements", sound, dry=0.25, sample_rate_hz=8000)
    assert [type(one) for one in said] == [Ready, Event, Scores, np.ndarray, Level, Done]
    np.testing.assert_array_equal(said[3], np.array([0, 0.5], np.float32))
    start = {"type": "start", "format": "pcm_s16le", "sample_rate_hz": 8000, "dry": 0.25, "resume": True}
    assert heard == [
        "/v1/audio/enhancements/stream",
        "Bearer sonant_x",
        start,
        b"\x01\x00",
        b"\x00\x40",
        {"type": "end"},
    ]


def test_a_connection_that_is_lost_is_not_noticed(played: Callable[..., str], ask: Ask) -> None:
    again: list[Any] = []

    def first(talk: Talk) -> None:
        talk.hear()
        talk.say({**READY, "resume": "t1"})
        assert [talk.hear(), talk.hear()] == [b"1", b"2"]
        talk.say({"type": "ack", "number": 1, "messages": 1}, {"type": "scores", "t": 1, "scores": {}})
        talk.hear_until("ack")
        talk.socket.close(1012)

    def second(talk: Talk) -> None:
        again.append(talk.hear())
        talk.say({**READY, "resume": "t2", "messages": 1})
        again.extend(talk.hear_until("end"))
        talk.say({"type": "done", "audio_s": 1})

    said = ask(played(first, second), "/own/place", [b"1", b"2", b"3"])
    assert [type(one) for one in said] == [Ready, Scores, Done]
    assert again == [{"type": "resume", "token": "t1", "number": 1, "received": 1}, b"2", b"3", {"type": "end"}]


def test_a_voice_is_told_first(played: Callable[..., str], ask: Ask) -> None:
    heard: list[Any] = []

    def script(talk: Talk) -> None:
        heard.extend(talk.hear_until("enrolled"))
        talk.say(SOUND)
        talk.hear_until("end")
        talk.say({"type": "done", "audio_s": 0})

    ask(played(script), "extractions", [], reference=b"voice")
    assert heard[0]["enroll"] is True
    assert heard[1:] == [b"voice", {"type": "enrolled"}]
    with pytest.raises(DataError, match="there is no file"):
        ask("http://127.0.0.1:9", "extractions", [], reference="nobody.wav")


def test_what_must_be_installed_is_told(monkeypatch: pytest.MonkeyPatch, ask: Ask) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(EnvError, match="websockets is not installed") as told:
        ask("http://127.0.0.1:9", "detections", [])
    assert "sonant[client]" in told.value.hint


def test_why_a_session_ends_is_raised(played: Callable[..., str], ask: Ask) -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say({"type": "error", "error": {"code": "speaker.not_found", "message": "no", "hint": "h"}})
        talk.socket.close(1008)

    with pytest.raises(SonantError, match="no") as told:
        ask(played(script), "extractions", [b"1"], speaker="spk_1")
    assert (told.value.code, told.value.hint) == ("speaker.not_found", "h")


def test_a_source_that_fails_ends_the_session(played: Callable[..., str], ask: Ask) -> None:
    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(READY)
        for _ in talk.socket:
            pass

    def broken() -> Generator[bytes]:
        yield b"1"
        raise EnvError("env.no_device", "it was pulled out")

    with pytest.raises(EnvError, match="pulled out"):
        ask(played(script), "detections", broken())


def test_a_session_is_changed_and_left_from_outside(played: Callable[..., str]) -> None:
    heard: list[Any] = []
    gone = threading.Event()

    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(SOUND)
        heard.extend(talk.hear_until("pause"))
        talk.say(b"\x00\x00")
        for _ in talk.socket:
            pass
        gone.set()

    def silent() -> Generator[bytes]:
        yield b"1"
        said.wait(10)

    said = threading.Event()
    with Client(played(script)).stream("enhancements", silent()) as live:
        answers = iter(live)
        assert isinstance(next(answers), Ready)
        assert live.ready is not None
        live.set(dry=0.5)
        live.pause()
        assert isinstance(next(answers), np.ndarray)
    said.set()
    assert gone.wait(10)
    assert {"type": "set", "dry": 0.5} in heard
    live.set(dry=0.1)  # it is over: nothing happens
    live.close()


def test_sound_may_come_from_asyncio(played: Callable[..., str]) -> None:
    heard: list[Any] = []

    def script(talk: Talk) -> None:
        talk.hear()
        talk.say(READY)
        heard.extend(talk.hear_until("end"))
        talk.say({"type": "done", "audio_s": 1})

    async def microphone(live: list[Any]) -> AsyncIterator[bytes]:
        yield b"1"
        await live[0].set(dry=0.5)
        yield b"2"

    async def run() -> None:
        async with AsyncClient(played(script)) as client:
            holder: list[Any] = []
            holder.append(client.stream("enhancements", microphone(holder)))
            assert [type(said) async for said in holder[0]] == [Ready, Done]
            assert (holder[0].ready.model, holder[0].reconnects) == ("m/1", 0)

    asyncio.run(run())
    assert heard == [b"1", {"type": "set", "dry": 0.5}, b"2", {"type": "end"}]
