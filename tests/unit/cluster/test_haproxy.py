"""HAProxy's settings: private to one server, and closed where Ray's template is open."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sonant.cluster import haproxy

TEMPLATE = """\
global
    nbthread 1
    tune.bufsize 131072
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    errorfile 503 {folder}/500.http
frontend prometheus
    bind :{metrics}
frontend http_frontend
    bind *:8000
backend words
    http-reuse always
    server one 127.0.0.1:9
listen stats
  bind *:{stats}
"""


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    return haproxy.environment("/bin/echo", tmp_path)


def test_a_server_shares_no_path_and_no_port_with_another(settings: dict[str, str], tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    theirs = haproxy.environment("/bin/echo", other)
    for name in settings:
        if name.endswith(("_LOC", "_PATH", "_BASE", "_FILE")) and "CALLBACK" not in name:
            assert settings[name].startswith(str(tmp_path))
            assert settings[name] != theirs[name]
    ports = [one[f"RAY_SERVE_HAPROXY_{name}_PORT"] for one in (settings, theirs) for name in ("STATS", "METRICS")]
    assert len(set(ports)) == 4


def test_the_measured_settings_are_there(settings: dict[str, str]) -> None:
    assert settings["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
    assert settings["RAY_SERVE_THROUGHPUT_OPTIMIZED"] == "1"
    assert settings["RAY_SERVE_HAPROXY_NBTHREAD"] == "1"
    assert settings["RAY_SERVE_HAPROXY_METRICS_ENABLED"] == "0"
    assert settings["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"] == "sonant.edge.intake:middlewares"


def test_the_wrapper_closes_the_pages_and_gives_errors_our_form(settings: dict[str, str], tmp_path: Path) -> None:
    config = tmp_path / "haproxy.cfg"
    stats, metrics = (settings[f"RAY_SERVE_HAPROXY_{name}_PORT"] for name in ("STATS", "METRICS"))
    config.write_text(TEMPLATE.format(folder=tmp_path, stats=stats, metrics=metrics), encoding="ascii")
    wrapper = settings[haproxy.BINARY]
    assert os.stat(wrapper).st_mode & 0o777 == 0o700
    done = subprocess.run([wrapper, "-db", "-f", str(config), "-sf", "1"], capture_output=True, text=True, check=True)
    assert done.stdout == f"-db -f {config} -sf 1\n"
    text = config.read_text(encoding="ascii")
    assert f"  bind 127.0.0.1:{stats}\n" in text
    assert f"    bind 127.0.0.1:{metrics}\n" in text
    assert "defaults\n    timeout http-request 10s\n" in text
    assert "    http-reuse always\n    stick-table type string " in text
    assert "    bind *:8000\n" in text, "the address of the service is the config's business"
    [path] = [line.split()[2] for line in text.splitlines() if "errorfile" in line]
    head, _, body = Path(path).read_bytes().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert f"Content-Length: {len(body)}".encode() in head
    assert set(json.loads(body)["error"]) == {"code", "message", "hint", "request_id"}


def test_the_binary_is_the_one_that_the_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(haproxy.BINARY, "/opt/haproxy")
    assert haproxy.binary() == "/opt/haproxy"
    monkeypatch.delenv(haproxy.BINARY)
    found = haproxy.binary()
    assert found is not None
    assert os.access(found, os.X_OK)


def test_haproxy_itself_takes_what_the_wrapper_makes(tmp_path: Path) -> None:
    binary = haproxy.binary()
    assert binary is not None
    settings = haproxy.environment(binary, tmp_path)
    config = tmp_path / "haproxy.cfg"
    stats, metrics = (settings[f"RAY_SERVE_HAPROXY_{name}_PORT"] for name in ("STATS", "METRICS"))
    text = TEMPLATE.format(folder=tmp_path, stats=stats, metrics=metrics)
    config.write_text(text.replace("frontend prometheus", "frontend prometheus\n    default_backend words"), "ascii")
    done = subprocess.run(
        [settings[haproxy.BINARY], "-db", "-f", str(config), "-c"], capture_output=True, text=True, timeout=20
    )
    assert "stick on req.hdr(x-session-id)" in config.read_text("ascii")
    assert done.returncode == 0, done.stderr


SERVICE = """\
global
    stats socket {folder}/admin.sock mode 600 level admin
    nbthread 1
defaults
    mode http
    timeout connect 20s
    timeout client 20s
    timeout server 20s
    balance leastconn
frontend http_frontend
    bind 127.0.0.1:{port}
    default_backend words
backend words
    http-reuse always
    server one 127.0.0.1:{one}
    server two 127.0.0.1:{two}
"""


class Named(BaseHTTPRequestHandler):
    """Answers with the port that it listens on."""

    def do_GET(self) -> None:
        body = str(self.server.server_address[1]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def servers(count: int) -> Generator[list[int]]:
    """Ports of so many servers."""
    with ExitStack() as stack:
        ports: list[int] = []
        for _ in range(count):
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Named))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            ports.append(server.server_address[1])
        yield ports


def home_of(port: int, name: str | None = None, query: str = "") -> int:
    """The server that answers; HAProxy is given the time to come up."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/{query}", headers={"x-session-id": name} if name else {})
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as answer:
                return int(answer.read())
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline, "HAProxy does not answer"
            time.sleep(0.02)


def test_a_session_finds_its_server_again(tmp_path: Path) -> None:
    """HAProxy itself, as the wrapper sets it up. That a reload keeps the table takes it ten seconds to be ready for."""
    binary, port = haproxy.binary(), haproxy._free_port()
    assert binary is not None
    wrapper, config = haproxy.environment(binary, tmp_path)[haproxy.BINARY], tmp_path / "haproxy.cfg"
    names = [f"session {number}" for number in range(8)]
    with servers(2) as (one, two), ExitStack() as stack:
        config.write_text(SERVICE.format(folder=tmp_path, port=port, one=one, two=two), encoding="ascii")
        process = subprocess.Popen([wrapper, "-db", "-f", str(config)], stderr=subprocess.DEVNULL)
        stack.callback(process.wait)
        stack.callback(process.terminate)
        homes = {name: home_of(port, name) for name in names}
        assert set(homes.values()) == {one, two}, "new ones go to both"
        # In another order: turns, too, would be the same again.
        assert {name: home_of(port, name) for name in sorted(names, key=homes.__getitem__)} == homes
        assert {home_of(port, query="?session_id=tab") for _ in range(6)} in ({one}, {two})
        assert {home_of(port) for _ in range(6)} == {one, two}, "who has no name goes anywhere"
