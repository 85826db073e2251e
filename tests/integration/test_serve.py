"""[ray] `sonant serve` as users run it: HAProxy in front, fused and split applications, uploads and live sessions."""

from __future__ import annotations

import http.client
import io
import json
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import av
import httpx
import numpy as np
import pytest
import soundfile as sf
import yaml
from live_calls import heard, read_all, s16, session, talk
from numpy.typing import NDArray
from prometheus_client.parser import text_string_to_metric_families
from websockets.sync.client import connect

Floats = NDArray[np.float32]
Clip = Callable[..., Floats]

ROUTE = "/v1/audio/classifications"
FIELDS = {"code", "message", "hint", "request_id"}

pytestmark = pytest.mark.timeout(400)


def application(name: str, route: str, bundle: Path, **args: Any) -> dict[str, Any]:
    stages = {stage: {"num_cpus": 0.1} for stage in ("ingress", "model", "postprocess")}
    full = {"bundle": str(bundle), "providers": ["CPUExecutionProvider"], **stages, **args}
    return {"name": name, "route_prefix": route, "import_path": "serve_apps.classify:build", "args": full}


def serve_file(*applications: dict[str, Any], **others: Any) -> dict[str, Any]:
    routes = {one["name"]: one["route_prefix"] for one in applications}
    home = {
        "name": "home",
        "route_prefix": "/",
        "import_path": "serve_apps.home:build",
        "args": {"applications": routes},
    }
    return {"applications": [*applications, home], **others}


@pytest.fixture(scope="module")
def url(tone_bundle: Path, run_serve: Callable[..., Any], logs_dir: Path) -> Generator[str]:
    small = {"max_body_mib": 1, "max_sessions": 1, "idle_s": 0.5, "max_frame_kib": 64}
    file = serve_file(
        application("fused", ROUTE, tone_bundle, ingress=TWO),
        application("split", "/split", tone_bundle, placement="split"),
        application("small", "/small", tone_bundle, limits=small),
        application("emotion", EMOTIONS, tone_bundle, placement="split", answer="emotion", limits=ONE),
        logging_config={"encoding": "JSON", "log_level": "INFO", "logs_dir": str(logs_dir)},
    )
    with run_serve(file) as base:
        yield base


@pytest.fixture(scope="module")
def logs_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the replicas log."""
    return tmp_path_factory.mktemp("logs")


EMOTIONS = "/v1/audio/emotions"
ONE = {"max_requests": 1, "max_sessions": 1}
BEGUN = "sonant_sessions_begun_total"
TWO = {"num_replicas": 2, "num_cpus": 0.1}


def post(url: str, data: bytes, kind: str = "audio/wav") -> httpx.Response:
    return httpx.post(url, content=data, headers={"content-type": kind}, timeout=30)


def soundfile(wav_N: Floats, container: str = "WAV", subtype: str = "PCM_16", rate_hz: int = 16_000) -> bytes:
    buffer = io.BytesIO()
    sf.write(buffer, wav_N, rate_hz, format=container, subtype=subtype)
    return buffer.getvalue()


def encoded(wav_N: Floats, container: str, codec: str, rate_hz: int = 48_000) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(wav_N[None], format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(stream.format, "mono", rate_hz, frame_size=stream.codec_context.frame_size)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            file.mux(stream.encode(part))
    return buffer.getvalue()


FORMATS: dict[str, Callable[[Floats], bytes]] = {
    "wav": lambda wav: soundfile(wav, rate_hz=48_000),
    "flac": lambda wav: soundfile(wav, "FLAC", rate_hz=48_000),
    "mp3": lambda wav: soundfile(wav, "MP3", "MPEG_LAYER_III", 48_000),
    "ogg": lambda wav: encoded(wav, "ogg", "libopus"),
    "webm": lambda wav: encoded(wav, "webm", "libopus"),
    "m4a": lambda wav: encoded(wav, "mp4", "aac"),
}


# ---- uploads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
def test_an_upload_is_heard(url: str, clip: Clip, form: str) -> None:
    data = FORMATS[form](clip("rise", rate_hz=48_000, seed=3))
    answer = httpx.post(url + ROUTE, files={"file": (f"a.{form}", data)}, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.json()["label"] == "rise"


def test_split_and_fused_give_the_same_answers(url: str, clip: Clip) -> None:
    for number, word in enumerate(("rise", "fall", "_silence_")):
        data = soundfile(clip(word, length_s=1.0 + number, seed=number))
        fused, split = post(url + ROUTE, data).json(), post(f"{url}/split", data).json()
        assert fused["label"] == split["label"]
        for one, other in zip(fused["scores"], split["scores"], strict=True):
            assert one["label"] == other["label"]
            assert one["score"] == pytest.approx(other["score"], abs=1e-5)


# 8 channels at 655,350 Hz, two gigabytes of them, and then nothing.
FORGED = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 99, b"WAVE", b"fmt ", 16, 1, 8, 655_350, 0, 16, 16, b"data", 2**31)
BAD: dict[str, tuple[bytes, str, int, str]] = {
    "empty": (b"", "audio/wav", 422, "audio.empty"),
    "text": (b"hello", "audio/wav", 415, "audio.unsupported"),
    "truncated": (soundfile(np.zeros(999, np.float32))[:20], "audio/wav", 422, "audio.undecodable"),
    "forged": (FORGED, "audio/wav", 415, "audio.unsupported"),
    "not a number": (soundfile(np.full(99, np.nan, np.float32), subtype="FLOAT"), "audio/wav", 422, "audio.not_finite"),
    "too big": (bytes(2**20 + 1), "audio/wav", 413, "audio.too_big"),
    "wrong type": (b"{}", "application/json", 415, "audio.unsupported"),
    "no type": (b"{}", "", 415, "audio.unsupported"),
    "broken form": (b"--b\r\nx", "multipart/form-data; boundary=b", 422, "request.invalid"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("route", ["/small", "/split"])
def test_bad_uploads_are_told_why(url: str, route: str, case: str) -> None:
    data, kind, status, code = BAD[case]
    if (route, case) == ("/split", "too big"):
        data = bytes(26 * 2**20)
    answer = post(url + route, data, kind)
    error = answer.json()["error"]
    assert set(error) == FIELDS
    assert (answer.status_code, error["code"]) == (status, code)
    assert answer.headers.get_list("x-request-id") == [error["request_id"]]


def test_emotions_are_told_by_a_split_application_too(url: str, clip: Clip) -> None:
    wav = np.concatenate([clip("rise"), clip("fall"), clip("fall")])
    route, kind = f"{url}/v1/audio/emotions", {"content-type": "audio/wav"}
    found = httpx.post(f"{route}?timeline=true", content=soundfile(wav), headers=kind, timeout=30).json()
    assert [found["timeline"][0]["t_start"], found["timeline"][-1]["t_end"]] == [0, 3]
    assert found.pop("timeline")[0]["probabilities"].keys() == found["probabilities"].keys()
    assert post(route, soundfile(wav)).json() == found


def test_silence_is_an_answer(url: str, clip: Clip) -> None:
    assert post(url + ROUTE, soundfile(clip("_silence_"))).json()["label"] == "_silence_"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", ROUTE, 405, "request.method"),
        ("POST", "/", 405, "request.method"),
        ("GET", "/nowhere", 404, "request.not_found"),
        ("POST", "/v1/audio/embeddings", 404, "request.not_found"),
        ("GET", f"{ROUTE}x", 404, "request.not_found"),
        ("GET", f"{ROUTE}/nowhere", 404, "request.not_found"),
        ("GET", "/console/..%2f..%2fhome.py", 404, "request.not_found"),
        ("POST", f"{ROUTE}?top_k=-1", 422, "request.invalid"),
        ("GET", f"{ROUTE}/stream", 426, "request.upgrade"),
    ],
)
def test_wrong_ways_in_are_told(url: str, method: str, path: str, status: int, code: str) -> None:
    answer = httpx.request(method, url + path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_request_keeps_its_id(url: str) -> None:
    answer = httpx.get(f"{url}/nowhere", headers={"x-request-id": "mine-1"})
    assert answer.headers.get_list("x-request-id") == ["mine-1"]
    assert answer.json()["error"]["request_id"] == "mine-1"


def test_an_endless_body_is_cut_off_early(url: str) -> None:
    """No length is announced and 200 MB would come: what was taken is our limit and what buffers on the way hold."""
    sent = 0

    def pieces() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(3200):
            sent += 1 << 16
            yield bytes(1 << 16)

    place = urlsplit(url)
    assert place.hostname is not None
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    with suppress(OSError):  # the server answers and closes while we are still sending
        connection.request("POST", "/small", pieces(), {"content-type": "audio/wav"}, encode_chunked=True)
    connection.close()
    assert sent < 32 << 20


def test_a_false_length_does_not_help(url: str) -> None:
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=30) as raw:
        head = b"POST /small HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: 99999999999\r\n"
        raw.sendall(head + b"\r\n")
        assert b" 413 " in raw.recv(100)


# ---- live -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 44_100, 48_000])
def test_raw_audio_is_heard_live(url: str, clip: Clip, rate_hz: int) -> None:
    with session(url, sample_rate_hz=rate_hz) as client:
        messages = talk(client, s16(clip("fall", length_s=2.0, at_s=0.5, rate_hz=rate_hz)))
    assert heard(messages) == ["fall"]
    assert messages[-1]["type"] == "done"
    assert client.close_code == 1000


@pytest.mark.parametrize(("container", "codec"), [("webm", "libopus"), ("ogg", "libopus")])
def test_a_recorders_chunks_are_heard_live(url: str, clip: Clip, container: str, codec: str) -> None:
    data = encoded(clip("rise", length_s=2.0, at_s=0.5, rate_hz=48_000), container, codec)
    with session(url, format=container) as client:
        assert heard(talk(client, data, 500)) == ["rise"]


def test_a_split_application_is_live_too(url: str, clip: Clip) -> None:
    with session(url, "/split") as client:
        assert heard(talk(client, s16(clip("rise", length_s=2.0)))) == ["rise"]


def test_two_sessions_at_once_do_not_mix(url: str, clip: Clip) -> None:
    words = ["rise", "fall"]
    chunks = [s16(clip(word, length_s=2.0, seed=seed)) for seed, word in enumerate(words)]
    with ExitStack() as stack:
        clients = [stack.enter_context(session(url)) for _ in words]
        for start in range(0, len(chunks[0]), 1280):
            for client, data in zip(clients, chunks, strict=True):
                client.send(data[start : start + 1280])
        for client in clients:
            client.send('{"type": "end"}')
        assert [heard(read_all(client)) for client in clients] == [["rise"], ["fall"]]


def test_a_full_server_answers_at_once_and_a_silent_session_is_closed(url: str) -> None:
    address = f"ws{url.removeprefix('http')}/small/stream"
    with session(url, "/small") as first:
        with connect(address, open_timeout=20) as second:
            [message] = read_all(second)
        assert message["error"]["code"] == "server.full"
        assert second.close_code == 1013
        [message] = read_all(first)
    assert message["error"]["code"] == "request.too_slow"
    assert first.close_code == 4408


def test_a_crowd_is_told_at_once_that_there_is_no_room(url: str) -> None:
    """One upload and one session are held open, and have all the room there is."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    head = f"POST {EMOTIONS} HTTP/1.1\r\nHost: x\r\nContent-Type: audio/wav\r\nContent-Length: 900000\r\n\r\n"
    over = threading.Event()
    with (
        socket.create_connection((host, port)) as held,
        session(url, EMOTIONS) as first,
        ThreadPoolExecutor(20) as crowd,
    ):
        held.sendall(head.encode() + bytes(10))
        while sum(by_replica(url, "sonant_requests_now").values()) < 1:
            time.sleep(0.05)

        def keep_open() -> None:
            while not over.wait(1):
                held.sendall(bytes(10))
                first.send('{"type": "ping"}')

        keeping = crowd.submit(keep_open)
        answers = list(crowd.map(lambda _: post(url + EMOTIONS, b"RIFF"), range(40)))
        sockets = list(crowd.map(lambda _: refused(url), range(40)))
        over.set()
        keeping.result()
    assert {(answer.status_code, answer.headers["retry-after"]) for answer in answers} == {(503, "1")}
    assert {answer.json()["error"]["code"] for answer in answers} == {"server.full"}
    assert set(sockets) == {("server.full", 1013)}


def refused(url: str) -> tuple[str, int | None]:
    """Why a session is not let in: the code of the message, and that of the close."""
    with connect(f"ws{url.removeprefix('http')}{EMOTIONS}/stream", open_timeout=30) as client:
        [message] = read_all(client)
    return message["error"]["code"], client.close_code


def homes(url: str, names: Sequence[str | None], *, query: bool = False) -> list[int]:
    """How many sessions each replica of the application got, fewest first, when sessions of these names come."""
    before = by_replica(url, BEGUN)
    for name in names:
        told = {"additional_headers": {"x-session-id": name}} if name and not query else {}
        where = f"ws{url.removeprefix('http')}{ROUTE}/stream" + (f"?session_id={name}" if query else "")
        with connect(where, open_timeout=20, **told) as client:
            client.send('{"type": "start"}')
            assert json.loads(client.recv(timeout=20))["type"] == "ready"
            client.send('{"type": "end"}')
            read_all(client)
    after = by_replica(url, BEGUN)
    return sorted(
        int(after[replica] - before.get(replica, 0)) for replica in after if after[replica] != before.get(replica)
    )


def by_replica(url: str, name: str) -> dict[str, float]:
    """What is counted under a name, by replica."""
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics").text)
    counted: dict[str, float] = {}
    for sample in (sample for family in families for sample in family.samples):
        if sample.name == name:
            counted[sample.labels["replica"]] = counted.get(sample.labels["replica"], 0) + sample.value
    return counted


def test_a_session_comes_back_to_its_replica_behind_haproxy(url: str) -> None:
    assert homes(url, ["one"] * 6) == [6]
    assert homes(url, ["two"] * 6, query=True) == [6]
    assert len(homes(url, [None] * 8)) == 2
    assert homes(url, ["one", "two"] * 3) in ([3, 3], [6])


@pytest.mark.parametrize(
    ("messages", "code", "close"),
    [
        (["hello"], "request.invalid", 1008),
        (['{"type": "start", "format": "webm"}', b"no webm " * 9], "audio.undecodable", 1003),
        (['{"type": "start"}', bytes(65_537)], "audio.too_big", 1009),
    ],
)
def test_what_is_wrong_is_told_before_the_close(url: str, messages: list[str | bytes], code: str, close: int) -> None:
    with connect(f"ws{url.removeprefix('http')}/small/stream", open_timeout=20) as client:
        for message in messages:
            client.send(message)
        told = read_all(client)[-1]
    assert told["error"]["code"] == code
    assert client.close_code == close


def test_a_socket_to_nowhere_says_so(url: str) -> None:
    with connect(f"ws{url.removeprefix('http')}/v1/nowhere", open_timeout=20) as client:
        [message] = read_all(client)
    assert message["error"]["code"] == "request.not_found"


# ---- the home application and the machine ---------------------------------------------------------------------------


def test_health_models_and_documentation(url: str) -> None:
    assert httpx.get(f"{url}/livez").json() == {"live": True}
    assert httpx.get(f"{url}/readyz").json()["applications"] == {
        "fused": True, "split": True, "small": True, "emotion": True
    }  # fmt: skip
    models = httpx.get(f"{url}/v1/models").json()["models"]
    assert {one["route"]: one["placement"] for one in models} == {
        ROUTE: "fused", "/split": "split", "/small": "fused", "/v1/audio/emotions": "split"
    }  # fmt: skip
    paths = httpx.get(f"{url}/openapi.json").json()["paths"]
    assert {ROUTE, f"{ROUTE}/stream", "/split", "/readyz"} <= set(paths)
    page = httpx.get(url)
    assert "<title>sonant</title>" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_metrics_come_from_every_replica(url: str, clip: Clip) -> None:
    post(f"{url}/split", soundfile(clip("rise")))
    families = list(text_string_to_metric_families(httpx.get(f"{url}/metrics").text))
    samples = [sample for family in families for sample in family.samples]
    # Two fused applications with two and one replicas, two split ones with an ingress and a model.
    assert len({sample.labels["replica"] for sample in samples if sample.name == "sonant_bundle_info"}) == 7
    graph_calls = {
        sample.labels["replica"]: sample.value for sample in samples if sample.name == "sonant_batch_rows_count"
    }
    assert sum(value > 0 for value in graph_calls.values()) >= 2


def test_replicas_log_each_request_and_session_as_json(url: str, logs_dir: Path, clip: Clip) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"content-type": "audio/wav", "x-request-id": "logged-1", "traceparent": parent}
    answer = httpx.post(f"{url}/split", content=soundfile(clip("rise")), headers=headers, timeout=30)
    assert (answer.headers["x-request-id"], answer.headers["traceparent"]) == ("logged-1", parent)
    with session(url) as client:
        talk(client, s16(clip("rise", length_s=2.0)))
    deadline = time.monotonic() + 20
    while True:  # a line is written when the answer has been sent
        told = [
            json.loads(line)
            for path in logs_dir.glob("replica_*.log")
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
        found = [one for one in told if one.get("request_id") == "logged-1" and one.get("event") == "request"]
        events = [one["event"] for one in told if one.get("application") == "fused" and "session" in one]
        if found and events[-1:] == ["session.ended"]:
            break
        assert time.monotonic() < deadline, told
        time.sleep(0.02)
    [line] = found
    assert (line["application"], line["route"], line["outcome"], line["levelname"]) == ("split", "/split", "ok", "INFO")
    assert line["trace_id"] == parent[3:35]
    assert {"replica", "model", "version", "seconds", "audio_s", "decode_s", "graph_s"} <= set(line)
    assert events[-2:] == ["session.opened", "session.ended"]


def test_only_loopback_listens_for_http(url: str) -> None:
    """HAProxy's port, its two pages and the replicas' own ports."""
    port = urlsplit(url).port
    listening: dict[int, str] = {}
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        address, _, number = fields[1].partition(":")
        if fields[3] == "0A":
            listening[int(number, 16)] = socket.inet_ntoa(bytes.fromhex(address)[::-1])
    haproxy_cfg = [path.read_text(encoding="utf-8") for path in Path("/tmp").glob("sn-*/*/haproxy.cfg")]
    [config] = [text for text in haproxy_cfg if f":{port}\n" in text]
    binds = [line.split()[1] for line in config.splitlines() if line.strip().startswith("bind ")]
    assert len(binds) == 3
    assert all(bind.startswith("127.0.0.1:") for bind in binds)
    servers = [
        int(line.split()[2].rpartition(":")[2]) for line in config.splitlines() if line.strip().startswith("server ")
    ]
    assert {listening[number] for number in [port, *servers] if number in listening} == {"127.0.0.1"}


def test_rays_own_proxy_and_ctrl_c(tone_bundle: Path, run_serve: Callable[..., Any], clip: Clip) -> None:
    """Without HAProxy everything works too, and the end leaves the port and no process."""
    with run_serve(serve_file(application("fused", ROUTE, tone_bundle, ingress=TWO), fast_proxy=False)) as base:
        assert post(base + ROUTE, soundfile(clip("rise"))).json()["label"] == "rise"
        assert post(base + ROUTE, b"nonsense").json()["error"]["code"] == "audio.unsupported"
        assert httpx.get(f"{base}/nowhere").json()["error"]["code"] == "request.not_found"
        with session(base) as client:
            assert heard(talk(client, s16(clip("fall", length_s=2.0)))) == ["fall"]
        assert [homes(base, [name] * 4) for name in "abc"] == [[4], [4], [4]]
        assert sum(homes(base, [f"session {number}" for number in range(12)])) == 12
        assert len(by_replica(base, BEGUN)) == 2
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", urlsplit(base).port))


def test_rays_own_command_takes_the_same_file(tone_bundle: Path, tmp_path: Path, clip: Clip) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    file = serve_file(application("fused", ROUTE, tone_bundle), http_options={"host": "127.0.0.1", "port": port})
    (tmp_path / "serve.yaml").write_text(yaml.safe_dump(file), encoding="ascii")
    # Whatever runs the tests may have started them with Ctrl-C ignored, which children inherit: a shell's `&` does so.
    command = ["env", "--default-signal=INT"]
    command += [str(Path(sys.executable).with_name("serve")), "run", str(tmp_path / "serve.yaml")]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 180
        while True:
            assert process.poll() is None, (tmp_path / "log").read_text(encoding="utf-8")
            assert time.monotonic() < deadline, (tmp_path / "log").read_text(encoding="utf-8")
            try:
                if httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        assert post(f"http://127.0.0.1:{port}{ROUTE}", soundfile(clip("rise"))).json()["label"] == "rise"
    finally:
        process.send_signal(2)
        process.wait(60)
