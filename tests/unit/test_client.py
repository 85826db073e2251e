"""What `sonant ask` sends, and what it makes of the answers of servers good and bad."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from sonant import cli
from sonant.client import ask, extract
from sonant.errors import DataError, RequestError

ANSWER = {"emotion": "sad", "probabilities": {"sad": 1.0}}


class Server(HTTPServer):
    """Answers what it was told to, and keeps what it was asked."""

    status, reply = 200, json.dumps(ANSWER).encode()
    path, kind, body, accept = "", "", b"", ""
    key: str | None = None
    told: Mapping[str, str] = {}


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.body = self.rfile.read(int(self.headers["content-length"]))
        self.server.path, self.server.kind = self.path, self.headers["content-type"]
        self.server.accept = self.headers["accept"]
        self.server.key = self.headers["authorization"]
        if self.server.reply:
            self.send_response(self.server.status)
            self.send_header("content-length", str(len(self.server.reply)))
            for name, value in self.server.told.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(self.server.reply)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def server() -> Generator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / 'a "b".wav').write_bytes(b"sound\r\n--x")
    return str(tmp_path / 'a "b".wav')


def address(server: Server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


def test_a_file_goes_as_a_form_and_options_as_a_query(server: Server, file: str) -> None:
    assert ask(f"{address(server)}/prefix/", "emotions", file, timeline=True, top_k=None) == ANSWER
    assert server.path == "/prefix/v1/audio/emotions?timeline=true"
    boundary = server.kind.removeprefix("multipart/form-data; boundary=").encode()
    head, data = server.body.removeprefix(b"--" + boundary + b"\r\n").split(b"\r\n\r\n", 1)
    assert b'name="file"; filename="a%20%22b%22.wav"' in head
    assert data == b"sound\r\n--x\r\n--" + boundary + b"--\r\n"
    ask(address(server), "classifications", file)
    assert server.path == "/v1/audio/classifications"


def test_a_refusal_keeps_its_code_and_hint(server: Server, file: str) -> None:
    told = {"code": "audio.too_long", "message": "longer than 600 s", "hint": "cut it", "request_id": "1"}
    server.status, server.reply = 413, json.dumps({"error": told}).encode()
    with pytest.raises(RequestError) as caught:
        ask(address(server), "emotions", file)
    assert (caught.value.code, caught.value.message, caught.value.hint) == tuple(told.values())[:3]


@pytest.mark.parametrize(
    ("status", "reply"),
    [
        (404, b"<html>not here"),
        (200, b"hello"),
        (200, b"[1]"),
        (500, b'{"error": "no"}'),
        (418, b'{"error": {"code": "x"}}'),
    ],
)
def test_other_servers_are_not_believed(server: Server, file: str, status: int, reply: bytes) -> None:
    server.status, server.reply = status, reply
    with pytest.raises(RequestError, match=f"/v1/audio/emotions: HTTP {status}") as caught:
        ask(address(server), "emotions", file)
    assert caught.value.code == "server.unreachable"


def test_who_says_nothing_or_is_not_there(server: Server, file: str) -> None:
    server.reply = b""
    with pytest.raises(RequestError, match="no answer from") as caught:
        ask(address(server), "emotions", file)
    assert caught.value.code == "server.unreachable"
    with pytest.raises(RequestError, match="no answer from") as caught:
        ask("http://127.0.0.1:9", "emotions", file)
    assert "--url" in caught.value.hint


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://x", "http://", "http://x:y", "", "http://[::1"])
def test_what_is_no_address(file: str, url: str) -> None:
    with pytest.raises(RequestError, match="is no address") as caught:
        ask(url, "emotions", file)
    assert caught.value.code == "request.invalid"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        ask("http://127.0.0.1:9", "emotions", str(tmp_path))


def test_sound_is_written_and_told_of(
    server: Server, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.reply = b"fLaC"
    server.told = {"Content-Type": "audio/flac", "X-Sonant-Model": "m/1", "X-Sonant-Output-Dbfs": "-20.5"}
    (tmp_path / "ref.wav").write_bytes(b"voice")
    out = tmp_path / "voice.FLAC"
    words = ["ask", "extractions", file, "--reference", str(tmp_path / "ref.wav"), "--out", str(out)]
    assert cli.main([*words, "--url", address(server)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"path": file, "out": str(out), "model": "m/1", "output_dbfs": -20.5}
    assert out.read_bytes() == b"fLaC"
    assert (server.path, server.accept) == ("/v1/audio/extractions", "audio/flac")
    assert b'name="reference"; filename="ref.wav"\r\n\r\nvoice\r\n' in server.body
    extract(address(server), file, str(out), speaker="spk_1")
    assert b'name="speaker"\r\n\r\nspk_1\r\n' in server.body
    with pytest.raises(RequestError, match="none of"):
        extract(address(server), file, "voice.mp3")
    server.told = {"Content-Type": "text/html"}
    with pytest.raises(RequestError, match="not an answer of ours"):
        extract(address(server), file, str(out))


@pytest.mark.parametrize("token", [None, "sonant_x"])
def test_a_key_goes_as_a_header(server: Server, file: str, token: str | None) -> None:
    ask(address(server), "emotions", file, token=token)
    assert server.key == (f"Bearer {token}" if token else None)
    assert "sonant_x" not in server.path
