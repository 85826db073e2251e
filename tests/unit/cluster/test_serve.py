"""What `sonant serve` refuses before it starts anything."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from sonant.cluster.serve import serve
from sonant.errors import BundleError, ConfigError, EnvError

Write = Callable[..., str]

FILE = """
keys: {keys}
http_options: {{host: {host}, port: {port}}}
applications:
  - name: words
    route_prefix: /words
    import_path: serve_apps.classify:build
    args: {{bundle: {bundle}}}
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")

    def write(host: str = "127.0.0.1", port: int = 1024, bundle: str = "nowhere", keys: str | None = "anyone") -> str:
        path = tmp_path / "serve.yaml"
        path.write_text(FILE.format(host=host, port=port, bundle=bundle, keys=keys or "null"), encoding="ascii")
        return str(path)

    return write


def test_a_port_in_use_is_told_before_anything_starts(write: Write) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(EnvError, match="cannot listen") as caught:
            serve(write(port=taken.getsockname()[1]))
    assert caught.value.code == "env.port_in_use"


def test_other_machines_are_let_in_only_with_a_token(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    with pytest.raises(EnvError, match="not a loopback") as caught:
        serve(write(host="0.0.0.0", port=free_port()))
    assert caught.value.code == "env.exposed"
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    with pytest.raises(BundleError):  # the next check
        serve(write(host="0.0.0.0", port=free_port()))


def test_other_machines_are_let_in_only_with_keys(write: Write, tmp_path: Path) -> None:
    with pytest.raises(EnvError, match="asks for no keys") as caught:
        serve(write(host="0.0.0.0", port=free_port(), keys=None))
    assert caught.value.code == "env.exposed"
    with pytest.raises(ConfigError, match=r"keys\.json"):
        serve(write(host="0.0.0.0", port=free_port(), keys=str(tmp_path / "keys.json")))


def test_without_keys_that_is_said_aloud(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(BundleError):
        serve(write(port=free_port(), keys=None))
    assert "no keys: whoever reaches 127.0.0.1" in caplog.text


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.8.8"])
def test_a_missing_bundle_is_told_before_anything_starts(write: Write, host: str) -> None:
    with pytest.raises(BundleError) as caught:
        serve(write(host=host, port=free_port()))
    assert caught.value.code == "bundle.not_found"


def test_a_wrong_file_or_override_is_told(write: Write) -> None:
    with pytest.raises(ConfigError, match="prt"):
        serve(write(), ["http_options.prt=1"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
