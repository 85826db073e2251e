"""Live sessions that are answered with sound, over real sockets: aligned, whole, and bounded."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from sonant.audio.wav import encode_wav
from sonant.config.replica import Limits
from sonant.edge import face
from sonant.edge.enrolment import Enroller
from sonant.edge.live import Live
from sonant.edge.metrics import Metrics
from sonant.edge.speakers import Speaker, SpeakerStore, new_id
from sonant.edge.streams_voice import VoiceStreams
from sonant.errors import ERRORS
from sonant.runtime.bundle import open_bundle
from sonant.runtime.level import level_dbfs
from sonant.runtime.scores import sigmoid
from sonant.runtime.voice_slots import VoicePool
from sonant.runtime.voices import VoiceEngine

Floats = NDArray[np.float32]
Message = dict[str, Any]
RATE_HZ = 4000


def sound(seed: int, samples: int) -> Floats:
    rng, time_N = np.random.default_rng(seed), np.arange(samples) / RATE_HZ
    tone_N = np.sin(2 * np.pi * (200 + 61 * seed) * time_N) * (1 + np.sin(2 * np.pi * 3 * time_N + seed))
    wav_N = 0.2 * tone_N + 0.02 * rng.standard_normal(samples)
    return (np.rint(wav_N * 32768) / 32768).astype(np.float32)


class Server:
    """The stream of an extractor on a real server."""

    def __init__(self, url: str, pool: VoicePool) -> None:
        self.url = "ws" + url.removeprefix("http") + "/stream"
        self.pool = pool

    @contextmanager
    def session(self, start: Message, reference: bytes | None = None) -> Generator[tuple[ClientConnection, Message]]:
        """An open session and its first message, which tells that it is ready, or why not."""
        with connect(self.url, compression=None, open_timeout=10, close_timeout=10) as client:
            client.send(json.dumps({"type": "start", "sample_rate_hz": RATE_HZ, **start}))
            if reference is not None:
                for at in range(0, len(reference), 700):
                    client.send(reference[at : at + 700])
                client.send('{"type": "enrolled"}')
            yield client, json.loads(client.recv(timeout=10))

    def wait_until_free(self) -> None:
        deadline = time.monotonic() + 10
        while self.pool.used:
            assert time.monotonic() < deadline, f"{self.pool.used} slots are still taken"
            time.sleep(0.005)


@pytest.fixture(scope="module")
def engine(extract_bundle: Path) -> VoiceEngine:
    return VoiceEngine(open_bundle(extract_bundle), providers=("CPUExecutionProvider",))


@pytest.fixture
def serve(engine: VoiceEngine, run_app: Callable[..., Any]) -> Generator[Callable[..., Server]]:
    with ExitStack() as stack:

        def start(store: SpeakerStore | None = None, **limits: Any) -> Server:
            bounds = Limits(**{"max_sessions": 4, **limits})
            pool = VoicePool(engine, bounds.max_sessions)
            app = face.create("test")
            streams = VoiceStreams(pool, Enroller(engine, bounds, store))
            face.add_stream(app, Live(streams, bounds, Metrics("extract", "tiny", "1")))
            return Server(stack.enter_context(run_app(app)), pool)

        yield start


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


def wav(samples_N: Floats) -> bytes:
    return encode_wav(samples_N, RATE_HZ)


def send_all(client: ClientConnection, data: bytes, size: int) -> None:
    for start in range(0, len(data), size):
        client.send(data[start : start + size])
    client.send('{"type": "end"}')


def talk(client: ClientConnection, data: bytes, size: int = 333) -> tuple[bytes, list[Message]]:
    """Sends everything, and gives the sound and the messages that came back."""
    thread = threading.Thread(target=send_all, args=(client, data, size))
    thread.start()
    heard, messages = bytearray(), list[Message]()
    try:
        while True:
            answer = client.recv(timeout=20)
            if isinstance(answer, bytes):
                heard += answer
            else:
                messages.append(json.loads(answer))
    except ConnectionClosed:
        thread.join()
        return bytes(heard), messages


def s16(wav_N: Floats) -> bytes:
    return np.clip(np.rint(wav_N * 32768), -32768, 32767).astype("<i2").tobytes()


@pytest.mark.parametrize("samples", [1, 20, 239, 1201, 4801])
def test_what_comes_out_is_the_voice_sample_by_sample(server: Server, engine: VoiceEngine, samples: int) -> None:
    mix_N, ref_N = sound(2, samples), sound(3, 900)
    wanted = engine.extract(mix_N, engine.enroll([ref_N]))
    with server.session({"enroll": True, "output": "pcm_f32le"}, wav(ref_N)) as (client, ready):
        data, messages = talk(client, s16(mix_N))
    info = engine.info
    assert ready["output"] == {
        "format": "pcm_f32le", "sample_rate_hz": RATE_HZ, "latency_ms": 1000 * info.latency / RATE_HZ,
    }  # fmt: skip
    heard_N = np.frombuffer(data, "<f4")
    assert len(heard_N) == samples
    np.testing.assert_allclose(heard_N, wanted.wav_BN, atol=1e-5 * max(1e-2, float(np.abs(wanted.wav_BN).max())))
    assert messages[-1] == {"type": "done", "audio_s": round(samples / RATE_HZ, 4)}
    levels = [message for message in messages if message["type"] == "level"]
    assert [level["t"] for level in levels] == sorted(level["t"] for level in levels)
    assert levels[-1]["t"] == round(samples / RATE_HZ, 4)
    assert all(("presence" in level) == engine.sizes.presence for level in levels)
    if samples == 1201:
        power_in = sum(10 ** (level["input_dbfs"] / 10) for level in levels) / len(levels)
        assert 10 * np.log10(power_in) == pytest.approx(level_dbfs(mix_N), abs=2)


def test_levels_and_presence_are_those_of_the_sound(server: Server, engine: VoiceEngine) -> None:
    hops = 1000 // engine.hop
    mix_N, ref_N = sound(2, hops * engine.hop), sound(3, 900)
    wanted = engine.extract(mix_N, engine.enroll([ref_N]))
    with server.session({"enroll": True}, wav(ref_N)) as (client, _):
        _, messages = talk(client, s16(mix_N), 200)
    level = messages[0]
    assert level["type"] == "level"
    counted = round(level["t"] * RATE_HZ) + engine.info.latency
    assert level["input_dbfs"] == pytest.approx(level_dbfs(mix_N[:counted]), abs=0.02)
    assert level["output_dbfs"] == pytest.approx(level_dbfs(wanted.wav_BN[: counted - engine.info.latency]), abs=0.02)
    if wanted.presence_BF is not None:
        told = float(sigmoid(wanted.presence_BF)[: counted // engine.hop].mean())
        assert level["presence"] == pytest.approx(told, abs=1e-3)


def test_sixteen_bits_are_rounded_and_clipped(server: Server, engine: VoiceEngine) -> None:
    mix_N, ref_N = sound(5, 777), sound(6, 900)
    wanted_N = engine.extract(mix_N, engine.enroll([ref_N])).wav_BN
    with server.session({"enroll": True}, wav(ref_N)) as (client, ready):
        data, _ = talk(client, s16(mix_N))
    assert ready["output"]["format"] == "pcm_s16le"
    heard_N = np.frombuffer(data, "<i2") / 32768
    np.testing.assert_allclose(heard_N, np.clip(wanted_N, -1, 32767 / 32768), atol=0.51 / 32768 + 1e-6)


def test_clients_with_other_voices_do_not_mix(server: Server, engine: VoiceEngine) -> None:
    mix_N, refs = sound(1, 900), [sound(seed, 700) for seed in (3, 9, 14)]
    with ExitStack() as stack:
        opened = [
            stack.enter_context(server.session({"enroll": True, "output": "pcm_f32le"}, wav(ref_N))) for ref_N in refs
        ]
        heard = [np.frombuffer(talk(client, s16(mix_N), 400)[0], "<f4") for client, _ in opened]
    for ref_N, heard_N in zip(refs, heard, strict=True):
        wanted_N = engine.extract(mix_N, engine.enroll([ref_N])).wav_BN
        np.testing.assert_allclose(heard_N, wanted_N, atol=1e-5 * max(1e-2, float(np.abs(wanted_N).max())))


def test_an_enrolled_speaker_is_followed(serve: Callable[..., Server], engine: VoiceEngine, tmp_path: Path) -> None:
    store = SpeakerStore(str(tmp_path))
    voice_E = engine.enroll([sound(8, 800)])
    now = store.now()
    kept: Message = {"created": now, "expires": now + 60, "recordings": 1, "duration_s": 0.2}
    vector = tuple(voice_E.tolist())
    mine, other = new_id(), new_id()
    store.put(Speaker(id=mine, model=engine.info.id, vector=vector, **kept))
    store.put(Speaker(id=other, model="else/1", vector=vector, **kept))
    server, mix_N = serve(store), sound(1, 900)
    with server.session({"speaker": mine, "output": "pcm_f32le"}) as (client, _):
        data, _ = talk(client, s16(mix_N))
    wanted_N = engine.extract(mix_N, voice_E).wav_BN
    np.testing.assert_allclose(
        np.frombuffer(data, "<f4"), wanted_N, atol=1e-5 * max(1e-2, float(np.abs(wanted_N).max()))
    )
    for speaker, code in ((other, "speaker.mismatch"), (new_id(), "speaker.not_found")):
        with server.session({"speaker": speaker}) as (_, told):
            assert told["error"]["code"] == code
    server.wait_until_free()


def test_another_rate_and_a_container_give_all_samples(server: Server) -> None:
    buffer = io.BytesIO()
    sf.write(buffer, sound(3, 900), RATE_HZ, format="FLAC")
    with server.session({"enroll": True, "sample_rate_hz": 48_000}, buffer.getvalue()) as (client, _):
        data, messages = talk(client, s16(np.tile(sound(2, 4800), 3)), 5000)
    assert len(data) // 2 == round(messages[-1]["audio_s"] * RATE_HZ) == 1200


def test_nothing_in_is_nothing_out(server: Server) -> None:
    with server.session({"enroll": True}, wav(sound(3, 900))) as (client, _):
        data, messages = talk(client, b"")
    assert data == b""
    assert messages == [{"type": "done", "audio_s": 0.0}]


BAD: dict[str, tuple[Message, bytes | None, str]] = {
    "whose voice": ({}, None, "request.invalid"),
    "two voices": ({"enroll": True, "speaker": "spk_0"}, None, "request.invalid"),
    "no speakers here": ({"speaker": "spk_" + "0" * 32}, None, "request.invalid"),
    "no labels": ({"enroll": True, "scores": True}, None, "request.invalid"),
    "unknown output": ({"enroll": True, "output": "mp3"}, None, "request.invalid"),
    "no sound": ({"enroll": True}, b"no sound at all", "audio.unsupported"),
    "nothing": ({"enroll": True}, b"", "audio.empty|audio.unsupported"),
    "too much of it": ({"enroll": True}, wav(sound(1, 9000)), "audio.too_big"),
    "too long": ({"enroll": True}, wav(sound(1, 6000)), "audio.too_long"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told_before_ready(serve: Callable[..., Server], case: str) -> None:
    start, reference, code = BAD[case]
    server = serve(max_body_mib=0.015, max_audio_s=1.4)
    with server.session(start, reference) as (client, told):
        assert told["type"] == "error"
        assert told["error"]["code"] in code.split("|")
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=10)
        assert client.close_code == ERRORS[told["error"]["code"]].ws
    server.wait_until_free()


def test_references_share_the_budget_of_uploads(serve: Callable[..., Server]) -> None:
    server = serve(max_body_mib=0.01, max_uploads_mib=0.01)
    with connect(server.url, compression=None) as waiting:
        waiting.send(json.dumps({"type": "start", "sample_rate_hz": RATE_HZ, "enroll": True}))
        waiting.send(bytes(8000))
        waiting.send('{"type": "ping"}')
        assert json.loads(waiting.recv(timeout=10)) == {"type": "pong"}
        with server.session({"enroll": True}, wav(sound(1, 2000))) as (_, told):
            assert told["error"]["code"] == "server.full"
    server.wait_until_free()
    with server.session({"enroll": True}, wav(sound(1, 2000))) as (_, told):
        assert told["type"] == "ready"


@pytest.mark.parametrize("mix_N", [np.zeros(3000), np.ones(3000), np.sign(sound(1, 3000))], ids=["0", "dc", "clipped"])
def test_silence_and_full_scale_give_finite_sound(server: Server, mix_N: Floats) -> None:
    with server.session({"enroll": True, "output": "pcm_f32le"}, wav(sound(3, 900))) as (client, _):
        data, messages = talk(client, s16(mix_N), 1000)
    heard_N = np.frombuffer(data, "<f4")
    assert len(heard_N) == 3000
    assert np.isfinite(heard_N).all()
    assert all(message["output_dbfs"] >= -120 for message in messages if message["type"] == "level")
