"""What both clients and `sonant ask` send, and what they make of the answers of servers good and bad."""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from sonant import cli
from sonant.client import AsyncClient, Client, Refusal
from sonant.errors import DataError, EnvError, RequestError

ANSWER = {"emotion": "sad", "probabilities": {"sad": 1.0}, "new": "of a newer server"}
SPEAKER = {
    "id": "spk_1", "name": "Ada", "created": "2026-01-01T00:00:00+00:00", "expires": "2026-01-02T00:00:00+00:00",
    "model": "m/1", "recordings": 1, "duration_s": 2.0,
}  # fmt: skip


class Server(HTTPServer):
    """Answers what it was told to, and keeps what it was asked."""

    status, reply = 200, json.dumps(ANSWER).encode()
    path, kind, body, accept, method = "", "", b"", "", ""
    key: str | None = None
    told: Mapping[str, str] = {}
    before: list[tuple[int, str]]
    """Statuses and Retry-After of what is refused first."""
    asked = 0


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        server = self.server
        server.asked += 1
        server.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        server.path, server.kind, server.method = self.path, self.headers["content-type"], self.command
        server.accept, server.key = self.headers["accept"], self.headers["authorization"]
        if server.before:
            status, after = server.before.pop(0)
            return self.answer(status, b"{}", {"Retry-After": after})
        if server.reply or server.status == 204:
            self.answer(server.status, server.reply, server.told)

    do_GET = do_DELETE = do_POST

    def answer(self, status: int, reply: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(reply)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Generator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.before = []
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / 'a "b".wav').write_bytes(b"sound\r\n--x")
    return str(tmp_path / 'a "b".wav')


Ask = Callable[..., Any]


@pytest.fixture(params=["Client", "AsyncClient"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """A method of a client, by its name: `ask(url, "classify", file)`; `key` and `patience_s` are the client's."""

    def call(url: str, method: str, *words: Any, key: str | None = None, patience_s: float = 10, **options: Any) -> Any:
        if request.param == "Client":
            got = getattr(Client(url, key, patience_s=patience_s), method)(*words, **options)
            return list(got) if inspect.isgenerator(got) else got

        async def run() -> Any:
            async with AsyncClient(url, key, patience_s=patience_s) as client:
                got = getattr(client, method)(*words, **options)
                return [one async for one in got] if inspect.isasyncgen(got) else await got

        return asyncio.run(run())

    return call


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_a_file_goes_as_a_form_and_options_as_a_query(server: Server, file: str, ask: Ask) -> None:
    answer = ask(f"{address(server)}/prefix/", "emotions", file, timeline=True)
    assert (answer.emotion, answer.probabilities, answer.timeline) == ("sad", {"sad": 1.0}, None)
    assert answer.model_extra == {"new": "of a newer server"}
    assert server.path == "/prefix/v1/audio/emotions?timeline=true"
    boundary = server.kind.removeprefix("multipart/form-data; boundary=").encode()
    head, data = server.body.removeprefix(b"--" + boundary + b"\r\n").split(b"\r\n\r\n", 1)
    assert b'name="file"; filename="a%20%22b%22.wav"' in head
    assert data == b"sound\r\n--x\r\n--" + boundary + b"--\r\n"
    ask(address(server), "emotions", b"bytes of a file")
    assert b"\r\n\r\nbytes of a file\r\n" in server.body
    assert server.path == "/v1/audio/emotions"


def test_a_refusal_keeps_its_code_and_hint(server: Server, file: str, ask: Ask) -> None:
    told = {"code": "audio.too_long", "message": "longer than 600 s", "hint": "cut it", "request_id": "r1"}
    server.status, server.reply = 413, json.dumps({"error": told}).encode()
    with pytest.raises(Refusal) as caught:
        ask(address(server), "emotions", file)
    error = caught.value
    assert (error.code, error.message, error.hint, error.request_id) == tuple(told.values())
    assert (error.status, error.retry_after_s) == (413, None)


@pytest.mark.parametrize(
    ("status", "reply"),
    [
        (404, b"<html>not here"),
        (200, b"hello"),
        (200, b"[1]"),
        (200, b'{"emotion": 1}'),
        (500, b'{"error": "no"}'),
        (418, b'{"error": {"code": "x"}}'),
    ],
)
def test_other_servers_are_not_believed(server: Server, file: str, status: int, reply: bytes, ask: Ask) -> None:
    server.status, server.reply = status, reply
    with pytest.raises(RequestError, match=f"/v1/audio/emotions: HTTP {status}") as caught:
        ask(address(server), "emotions", file)
    assert caught.value.code == "server.unreachable"


def test_who_says_nothing_or_is_not_there(server: Server, file: str, ask: Ask) -> None:
    server.reply = b""
    for url in (address(server), "http://127.0.0.1:9"):
        with pytest.raises(RequestError, match="no answer from") as caught:
            ask(url, "emotions", file)
        assert caught.value.code == "server.unreachable"
        assert "--url" in caught.value.hint


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://x", "http://", "http://x:y", "", "http://[::1"])
def test_what_is_no_address(url: str, kind: Callable[[str], object]) -> None:
    with pytest.raises(RequestError, match="is no address") as caught:
        kind(url)
    assert caught.value.code == "request.invalid"


def test_a_file_that_is_not_there(tmp_path: Path, ask: Ask) -> None:
    with pytest.raises(DataError, match="there is no file"):
        ask("http://127.0.0.1:9", "emotions", tmp_path)


def test_what_is_full_is_asked_once_more(server: Server, file: str, ask: Ask) -> None:
    server.before = [(503, "0")]
    assert ask(address(server), "emotions", file).emotion == "sad"
    assert (server.asked, b"sound" in server.body) == (2, True)


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [
        ([(503, "0"), (429, "7")], 2, 7.0),
        ([(429, "11")], 1, 11.0),
        ([(503, "")], 1, None),
        ([(503, "Wed, 21 Oct 2026 07:28:00 GMT")], 1, None),
        ([(503, "-1")], 1, None),
        ([(503, "inf")], 1, None),
        ([(500, "0")], 1, None),
    ],
)
def test_but_not_for_ever(
    server: Server, file: str, ask: Ask, before: list[tuple[int, str]], asked: int, after: float | None
) -> None:
    server.before = list(before)
    with pytest.raises(Refusal) as caught:
        ask(address(server), "emotions", file)
    assert (server.asked, caught.value.retry_after_s) == (asked, after)


def test_speakers_are_kept_listed_and_ended(server: Server, file: str, ask: Ask) -> None:
    server.reply, server.status = json.dumps(SPEAKER).encode(), 201
    speaker = ask(address(server), "enrol", [file, b"other"], name="Ada", ttl_s=60)
    assert (speaker.id, (speaker.expires - speaker.created).total_seconds()) == ("spk_1", 86_400)
    assert server.body.count(b'name="file"') == 2
    assert b'name="name"\r\n\r\nAda\r\n' in server.body
    assert b'name="ttl_s"\r\n\r\n60\r\n' in server.body
    assert ask(address(server), "speaker", "a/../b").name == "Ada"
    assert (server.method, server.path, server.body) == ("GET", "/v1/speakers/a%2F..%2Fb", b"")
    server.reply = json.dumps({"speakers": [SPEAKER, SPEAKER], "next": None}).encode()
    assert [one.id for one in ask(address(server), "speakers")] == ["spk_1", "spk_1"]
    server.status, server.reply = 204, b""
    assert ask(address(server), "delete_speaker", "spk_1") is None
    assert (server.method, server.path) == ("DELETE", "/v1/speakers/spk_1")


def test_what_is_wanted_goes_with_the_recording(server: Server, file: str, ask: Ask) -> None:
    told = {"model": "m/1", "score": 0.7, "threshold": 0.5, "operating_point": "eer", "same": True, "duration_s": 1}
    server.reply = json.dumps(told).encode()
    assert ask(address(server), "verify", file, b"voice", operating_point="a b").same
    assert server.path == "/v1/audio/verifications?operating_point=a+b"
    assert b'name="reference"; filename="audio"\r\n\r\nvoice\r\n' in server.body
    assert ask(address(server), "verify", file, speaker="spk_1").score == 0.7
    assert b'name="speaker"\r\n\r\nspk_1\r\n' in server.body


def test_a_transcript_has_times(server: Server, file: str, ask: Ask) -> None:
    phrase = {"id": 0, "start": 0.0, "end": 1.0, "text": "hello"}
    told = {"text": "hello", "language": "en", "duration": 1.0, "segments": [phrase]}
    server.reply = json.dumps(told).encode()
    transcript = ask(address(server), "transcribe", file, words=True, language="en")
    assert (transcript.segments[0].text, transcript.words) == ("hello", [])
    assert server.body.count(b'name="timestamp_granularities[]"') == 2
    server.reply = b"WEBVTT\n"
    assert ask(address(server), "subtitles", file, "vtt") == "WEBVTT\n"
    assert b'name="response_format"\r\n\r\nvtt\r\n' in server.body


def test_sound_is_written_and_told_of(
    server: Server, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.reply = b"fLaC"
    server.told = {"Content-Type": "audio/flac", "X-Sonant-Model": "m/1", "X-Sonant-Output-Dbfs": "-20.5"}
    (tmp_path / "ref.wav").write_bytes(b"voice")
    out = tmp_path / "voice.FLAC"
    words = ["ask", "extractions", file, "--reference", str(tmp_path / "ref.wav"), "--url", address(server)]
    assert cli.main([*words, "--out", str(out)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"path": file, "out": str(out), "model": "m/1", "output_dbfs": -20.5}
    assert out.read_bytes() == b"fLaC"
    assert (server.path, server.accept) == ("/v1/audio/extractions", "audio/flac")
    assert b'name="reference"; filename="ref.wav"\r\n\r\nvoice\r\n' in server.body
    assert cli.main([*words, "--out", "voice.mp3"]) != 0
    assert "none of wav, flac, ogg" in capsys.readouterr().err


def test_what_the_shell_prints_is_what_the_server_says(
    server: Server, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["ask", "emotions", file, "--url", address(server)]) == 0
    assert json.loads(capsys.readouterr().out) == ANSWER


def test_sound_of_another_server(server: Server, file: str, ask: Ask) -> None:
    server.told = {"Content-Type": "text/html"}
    with pytest.raises(RequestError, match="not an answer of ours"):
        ask(address(server), "enhance", file, dry=0.1, store=True)
    assert server.path == "/v1/audio/enhancements?dry=0.1&store=true"
    server.told = {"Content-Type": "audio/wav", "X-Sonant-Duration": "long"}
    with pytest.raises(RequestError, match="not an answer of ours"):
        ask(address(server), "enhance", file)


@pytest.mark.parametrize("key", [None, "sonant_x"])
def test_a_key_goes_as_a_header(server: Server, file: str, key: str | None, ask: Ask) -> None:
    ask(address(server), "emotions", file, key=key)
    assert server.key == (f"Bearer {key}" if key else None)
    assert "sonant_x" not in server.path


@pytest.mark.parametrize("words", [[], ["--reference", "b.wav", "--speaker", "spk_1"], 2 * ["--reference", "b.wav"]])
def test_a_recording_is_compared_with_one(words: list[str], file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["ask", "verifications", file, *words]) != 0
    assert "one --reference, or a --speaker" in capsys.readouterr().err


def test_without_httpx_there_is_only_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(EnvError, match="httpx is not installed") as caught:
        AsyncClient("http://127.0.0.1:9")
    assert (caught.value.code, "sonant[client]" in caught.value.hint) == ("env.missing_extra", True)
    assert Client("http://127.0.0.1:9").url == "http://127.0.0.1:9"


def test_both_clients_have_the_same_methods() -> None:
    def methods(kind: type) -> dict[str, list[tuple[str, Any]]]:
        made = {name: one for name, one in vars(kind).items() if callable(one) and not name.startswith("_")}
        return {
            name: [(word.name, word.default) for word in inspect.signature(one).parameters.values()]
            for name, one in made.items()
        }

    assert methods(AsyncClient) == {**methods(Client), "close": [("self", inspect.Parameter.empty)]}
