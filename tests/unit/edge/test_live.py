"""Live sessions over real sockets: what is heard, how every end is told, and that nothing is left behind."""

from __future__ import annotations

import json
import socket as sockets
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from sonant.config.replica import Limits
from sonant.edge import face
from sonant.edge.live import Live
from sonant.edge.metrics import Metrics, Snapshot
from sonant.edge.streams_labels import LabelStreams
from sonant.errors import ERRORS
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine
from sonant.runtime.slots import SlotPool

Floats = NDArray[np.float32]
Clip = Callable[..., Floats]
Message = dict[str, Any]


class Server:
    """The stream of a bundle on a real server."""

    def __init__(self, url: str, pool: SlotPool, metrics: Metrics) -> None:
        self.url = "ws" + url.removeprefix("http") + "/stream"
        self.pool = pool
        self.metrics = metrics

    def open(self, **options: Any) -> ClientConnection:
        return connect(self.url, compression=None, open_timeout=10, close_timeout=10, **options)

    @contextmanager
    def session(self, start: Message | None = None, **options: Any) -> Generator[ClientConnection]:
        """An open session; its ready message has been read."""
        with self.open(**options) as client:
            client.send(json.dumps({"type": "start", "sample_rate_hz": 16_000, **(start or {})}))
            assert json.loads(client.recv(timeout=10))["type"] == "ready"
            yield client

    def wait_until_free(self) -> None:
        deadline = time.monotonic() + 10
        while self.pool.used:
            assert time.monotonic() < deadline, f"{self.pool.used} slots are still taken"
            time.sleep(0.005)

    def outcomes(self) -> dict[str, float]:
        return {
            labels["outcome"]: value
            for name, _, _, samples in snapshot_of(self.metrics)
            if name == "sonant_sessions"
            for _, labels, value in samples
        }


def snapshot_of(metrics: Metrics) -> Snapshot:
    return metrics.snapshot()


@pytest.fixture(scope="module")
def tones(tone_bundle: Path) -> Engine:
    return Engine(open_bundle(tone_bundle), providers=("CPUExecutionProvider",))


@pytest.fixture
def serve(tones: Engine, run_app: Callable[..., Any]) -> Generator[Callable[..., Server]]:
    with ExitStack() as stack:

        def start(origins: tuple[str, ...] = (), **limits: Any) -> Server:
            live_limits = Limits(**{"max_sessions": 4, **limits})
            pool = SlotPool(tones, live_limits.max_sessions)
            metrics = Metrics("classify", "tones", "1")
            app: FastAPI = face.create("test")
            face.add_stream(app, Live(LabelStreams(pool), live_limits, metrics, origins))
            return Server(stack.enter_context(run_app(app)), pool, metrics)

        yield start


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


def read_all(client: ClientConnection) -> list[Message]:
    """Messages until the socket closes."""
    messages: list[Message] = []
    try:
        while True:
            messages.append(json.loads(client.recv(timeout=20)))
    except ConnectionClosed:
        return messages


def s16(wav_N: Floats) -> bytes:
    return (wav_N * 32767).astype("<i2").tobytes()


def send_all(client: ClientConnection, data: bytes, size: int) -> None:
    for start in range(0, len(data), size):
        client.send(data[start : start + size])
    client.send('{"type": "end"}')


@contextmanager
def sending(client: ClientConnection, data: bytes, size: int) -> Generator[None]:
    """Sends in the background, so that answers are read meanwhile."""
    thread = threading.Thread(target=send_all, args=(client, data, size))
    thread.start()
    yield
    thread.join()


def heard(messages: list[Message]) -> list[str]:
    return [message["label"] for message in messages if message["type"] == "event"]


@pytest.mark.parametrize("size", [2560, 1280, 333, 51, 100_000])
def test_words_are_heard_whatever_the_chunks(server: Server, clip: Clip, size: int) -> None:
    wav = np.concatenate([clip("_silence_"), clip("rise", seed=1), clip("fall", length_s=1.5, seed=2)])
    with server.session({"scores": True}) as client, sending(client, s16(wav), size):
        messages = read_all(client)
    assert client.close_code == 1000
    assert heard(messages) == ["rise", "fall"]
    assert messages[-1]["type"] == "done"
    times = [message["t"] for message in messages if message["type"] == "scores"]
    assert times == sorted(times)
    assert all(abs(sum(m["scores"].values()) - 1) < 1e-4 for m in messages if m["type"] == "scores")


def test_live_scores_are_those_of_the_whole_recording(server: Server, tones: Engine, clip: Clip) -> None:
    """Every sample counts, also those after the last whole hop."""
    wav = np.concatenate([clip("rise", seed=5), clip("fall", length_s=1.03, seed=6)])
    wav = np.round(wav * 32767) / np.float32(32768)
    frames = len(wav) // tones.hop
    logits_FK = tones.step(wav[None, : frames * tones.hop].astype(np.float32), tones.init_state(1))[0][0]
    expected = np.exp(logits_FK) / np.exp(logits_FK).sum(-1, keepdims=True)
    with server.session({"scores": True}) as client, sending(client, (wav * 32768).astype("<i2").tobytes(), 1111):
        messages = read_all(client)
    scores = [list(message["scores"].values()) for message in messages if message["type"] == "scores"]
    assert len(scores) == frames + 1
    assert np.abs(np.array(scores[:frames]) - expected).max() < 1e-4


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcm_f32le"])
def test_raw_audio_of_any_rate_is_understood(server: Server, clip: Clip, rate_hz: int, encoding: str) -> None:
    wav = clip("rise", length_s=2.0, at_s=0.5, rate_hz=rate_hz, seed=3)
    data = s16(wav) if encoding == "pcm_s16le" else wav.astype("<f4").tobytes()
    with server.session({"format": encoding, "sample_rate_hz": rate_hz}) as client, sending(client, data, 4096):
        messages = read_all(client)
    assert heard(messages) == ["rise"]
    assert messages[-1]["audio_s"] == pytest.approx(2.0, abs=0.01)
    [event] = [message for message in messages if message["type"] == "event"]
    assert 0.2 < event["t_start"] < event["t_end"] <= 2.0


def test_sessions_at_the_same_time_do_not_mix(server: Server, clip: Clip) -> None:
    words = ["rise", "fall", "_silence_", "rise"]
    with ExitStack() as stack:
        clients = [stack.enter_context(server.session()) for _ in words]
        chunks = [s16(clip(word, length_s=2.0, seed=seed)) for seed, word in enumerate(words)]
        for start in range(0, len(chunks[0]), 2560):
            for client, data in zip(clients, chunks, strict=True):
                client.send(data[start : start + 2560])
        for client in clients:
            client.send('{"type": "end"}')
        assert [heard(read_all(client)) for client in clients] == [["rise"], ["fall"], [], ["rise"]]


def test_a_slot_that_is_used_again_has_forgotten(serve: Callable[..., Server], clip: Clip) -> None:
    server = serve(max_sessions=1)
    with server.session() as client:
        client.send(s16(clip("rise", length_s=0.8, at_s=0.2)))
    server.wait_until_free()
    with server.session() as client:
        send_all(client, s16(clip("_silence_", length_s=2.0)), 2560)
        assert heard(read_all(client)) == []


def test_a_full_server_says_so_at_once(serve: Callable[..., Server]) -> None:
    server = serve(max_sessions=1)
    with server.session() as first, server.open() as second:
        [message] = read_all(second)
        assert message["error"]["code"] == "server.full"
        assert second.close_code == 1013
        first.send('{"type": "ping"}')
        assert json.loads(first.recv(timeout=10)) == {"type": "pong"}
    server.wait_until_free()
    with server.session():
        pass


BAD: dict[str, tuple[list[str | bytes], str]] = {
    "audio before start": ([b"\0\0"], "request.invalid"),
    "no json": (["hello"], "request.invalid"),
    "unknown type": (['{"type": "stop"}'], "request.invalid"),
    "unknown format": (['{"type": "start", "format": "wma"}'], "request.invalid"),
    "a voice for labels": (['{"type": "start", "enroll": true}'], "request.invalid"),
    "sound for labels": (['{"type": "start", "output": "pcm_f32le"}'], "request.invalid"),
    "enrolled nobody": (['{"type": "start"}', '{"type": "enrolled"}'], "request.invalid"),
    "started twice": (['{"type": "start"}', '{"type": "start"}'], "request.invalid"),
    "long text": (["x" * 5000], "request.invalid"),
    "not a number": (
        ['{"type": "start", "format": "pcm_f32le"}', np.full(9, np.nan, "<f4").tobytes()],
        "audio.not_finite",
    ),
    "no webm": (['{"type": "start", "format": "webm"}', b"this is no webm at all" * 9], "audio.undecodable"),
    "big message": (['{"type": "start"}', bytes(1025)], "audio.too_big"),
    "too much audio": (['{"type": "start"}', *[bytes(1024)] * 70], "audio.too_long"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told_before_the_close(serve: Callable[..., Server], case: str) -> None:
    messages, code = BAD[case]
    server = serve(max_frame_kib=1, max_session_s=2)
    with server.open() as client:
        for message in messages:
            client.send(message)
        told = read_all(client)[-1]
        assert told["type"] == "error"
        assert set(told["error"]) == {"code", "message", "hint", "request_id"}
        assert told["error"]["code"] == code
        assert client.close_code == ERRORS[code].ws
        assert client.close_reason == code
    server.wait_until_free()
    assert server.outcomes() == {code: 1}


@pytest.mark.parametrize("started", [False, True])
def test_silence_on_the_wire_ends_a_session(serve: Callable[..., Server], started: bool) -> None:
    server = serve(idle_s=0.2)
    with server.session() if started else server.open() as client:
        [message] = read_all(client)
    assert message["error"]["code"] == "request.too_slow"
    assert client.close_code == 4408
    server.wait_until_free()


def test_pings_keep_a_session_open_until_its_time_is_over(serve: Callable[..., Server]) -> None:
    server = serve(idle_s=5.0, max_session_s=1.0)
    with server.open() as client:
        answers: list[Message] = []
        with suppress(ConnectionClosed):
            while True:
                client.send('{"type": "ping"}')
                answers.append(json.loads(client.recv(timeout=10)))
                time.sleep(0.05)
        answers += read_all(client)
    assert [answer["type"] for answer in answers[:-1]].count("pong") > 5
    assert answers[-1]["error"]["code"] == "audio.too_long"
    assert client.close_code == 1009


def test_an_empty_session_ends_well(server: Server) -> None:
    with server.session() as client:
        client.send('{"type": "end"}')
        assert read_all(client) == [{"type": "done", "audio_s": 0.0}]
    assert client.close_code == 1000


@pytest.mark.parametrize("said", [b"", b"\1\0" * 5000])
def test_a_client_that_vanishes_leaves_no_slot_taken(server: Server, said: bytes) -> None:
    with server.session({"scores": True}) as client:
        if said:
            client.send(said)
        client.socket.shutdown(sockets.SHUT_RDWR)
    server.wait_until_free()
    assert server.outcomes() == {"gone": 1}


def test_a_fast_sender_is_held_back_and_not_kept_in_memory(server: Server, clip: Clip) -> None:
    """Two minutes of sound at once: the server reads what it can use, and the words at the end are still heard."""
    data = 60 * s16(clip("_silence_", length_s=2.0)) + s16(clip("rise", length_s=2.0))
    with server.session() as client, sending(client, data, 1 << 15):
        messages = read_all(client)
    assert heard(messages) == ["rise"]
    assert messages[-1] == {"type": "done", "audio_s": 122.0}


def test_pages_of_other_origins_are_refused(serve: Callable[..., Server]) -> None:
    server = serve(origins=("https://app.example",))
    host = server.url.removeprefix("ws://").removesuffix("/stream")
    for origin in (f"http://{host}", "https://app.example", None):
        with server.session(origin=origin):
            pass
    with server.open(origin="https://evil.example") as client:
        [message] = read_all(client)
    assert message["error"]["code"] == "request.origin"
    assert client.close_code == 1008
    server.wait_until_free()


def test_sessions_are_counted(server: Server, clip: Clip) -> None:
    with server.session() as client:
        send_all(client, s16(clip("rise")), 2560)
        read_all(client)
    server.wait_until_free()
    values = {
        sample: value
        for _, _, _, samples in snapshot_of(server.metrics)
        for sample, _, value in samples
        if not sample.endswith("_bucket")
    }
    assert values["sonant_audio_seconds_total"] == pytest.approx(1.0)
    assert values["sonant_slots"] == 4
    assert values["sonant_slots_used"] == 0
    assert values["sonant_step_rows_count"] > 0
    assert server.outcomes() == {"done": 1}


def test_answers_that_take_longer_than_their_sound_are_late(tones: Engine) -> None:
    metrics = Metrics("classify", "tones", "1")
    live = Live(LabelStreams(SlotPool(tones, 1)), Limits(), metrics)
    hop_s = tones.hop / tones.info.sample_rate_hz
    for sound_s, took_s in [(0.1, 0.1), (0.1, 0.11), (0.0, hop_s), (0.001, hop_s + 0.001), (9.0, 8.9)]:
        live.answered(sound_s, took_s)
    assert (live.chunks, live.chunks_late) == (5, 2)
    [late] = [
        value for name, _, _, samples in snapshot_of(metrics) if name == "sonant_chunks_late" for _, _, value in samples
    ]
    assert late == 2
