"""What the doctor sees: missing packages, clusters that run commands for anybody, bundles that were touched."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from sonant import cli
from sonant.cluster import doctor
from sonant.edge import keys

TOKEN = "t0ken"


@pytest.fixture
def dashboard() -> Generator[Callable[[str], str]]:
    """A server that answers as Ray's dashboard does: `open`, with a `token`, or something else."""
    with ExitStack() as stack:

        def start(kind: str) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    allowed = kind == "open" or self.headers.get("Authorization") == f"Bearer {TOKEN}"
                    known = self.path == "/api/jobs/" and kind != "other"
                    self.send_response(404 if not known else 200 if allowed else 401)
                    self.end_headers()
                    self.wfile.write(b"[]")

                def log_message(self, format: str, *args: Any) -> None:
                    pass

            server = stack.enter_context(HTTPServer(("127.0.0.1", 0), Handler))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


def cluster(address: str, **environment: str) -> list[tuple[str, str]]:
    found = doctor.cluster(address, {"RAY_AUTH_TOKEN_PATH": "/nowhere", **environment}, expected=True)
    return [(one.state, one.told) for one in found]


def test_an_open_cluster_is_refused(dashboard: Callable[[str], str], capsys: pytest.CaptureFixture[str]) -> None:
    address = dashboard("open")
    [(state, told)] = cluster(address)
    assert state == "bad"
    assert "without a token" in told
    assert cli.main(["doctor", address]) == 2
    assert "error[env.exposed]" in capsys.readouterr().err


def test_a_cluster_with_a_token_is_fine(dashboard: Callable[[str], str], tmp_path: Path) -> None:
    address = dashboard("token")
    assert [state for state, _ in cluster(address, RAY_AUTH_TOKEN=TOKEN)] == ["good", "good"]
    assert cluster(address, RAY_AUTH_TOKEN="wrong")[1] == ("note", "not accepted")
    assert cluster(address)[1] == ("note", "there is none here")
    (tmp_path / "token").write_text(f"{TOKEN}\n", encoding="ascii")
    assert cluster(address, RAY_AUTH_TOKEN_PATH=str(tmp_path / "token"))[1][0] == "good"


def test_no_cluster_and_no_dashboard_are_told(dashboard: Callable[[str], str]) -> None:
    assert cluster("http://127.0.0.1:9") == [("bad", "nothing answers")]
    assert cluster("ray://head:10001")[0][0] == "bad"
    assert cluster(dashboard("other"))[0][1].startswith("answers 404")
    [finding] = doctor.cluster("http://127.0.0.1:9", {}, expected=False)
    assert finding.state == "note"


def test_this_machine_is_fit_to_run_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {one.what: one.state for one in doctor.machine()}
    assert (found["python"], found["packages: core"], found["decoders"]) == ("good", "good", "good")
    monkeypatch.setitem(doctor.ROLES, "core", ("numpy", "no_such_module"))
    monkeypatch.setitem(doctor.ROLES, "tune", ("no_such_module",))
    states = {one.what: (one.state, one.hint) for one in doctor.machine()}
    assert states["packages: core"][0] == "bad"
    assert states["packages: tune"] == ("note", "pip install 'sonant[tune]'")


def written(folder: Path, bundle: Path, **others: Any) -> str:
    args = {"bundle": str(bundle)}
    app = {"name": "words", "route_prefix": "/w", "import_path": "serve_apps.classify:build", "args": args}
    path = folder / "serve.yaml"
    path.write_text(json.dumps({"applications": [app], **others}), encoding="ascii")
    return str(path)


def states(config: str, **environment: str) -> dict[str, str]:
    return {one.what.split(" ")[0]: one.state for one in doctor.serve_file(config, (), environment)}


def test_a_serve_file_is_looked_through(tiny_bundle: Path, tmp_path: Path) -> None:
    path = str(tmp_path / "keys.json")
    keys.add(path, keys.create("ada", ("infer",))[0])
    far = {"http_options": {"host": "0.0.0.0"}}
    assert states(written(tmp_path, tiny_bundle)) == {"serve": "good", "host": "good", "keys": "note", "bundle": "good"}
    config = written(tmp_path, tiny_bundle, **far)
    assert states(config) == {"serve": "good", "host": "bad", "token": "bad", "keys": "note", "bundle": "good"}
    config = written(tmp_path, tiny_bundle, keys=path, **far)
    assert set(states(config, RAY_AUTH_MODE="token").values()) == {"good"}
    assert states(written(tmp_path, tiny_bundle, keys=f"{path}.gone"))["keys"] == "bad"


def test_a_touched_bundle_is_seen(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, copy)
    with open(copy / "model.onnx", "r+b") as file:
        file.write(b"\xff")
    [found] = [one for one in doctor.serve_file(written(tmp_path, copy), (), {}) if one.state == "bad"]
    assert (found.code, found.hint != "") == ("bundle.tampered", True)


def test_without_a_subject_ray_address_is_asked(dashboard: Callable[[str], str]) -> None:
    found = doctor.examine(None, environment={"RAY_ADDRESS": dashboard("open")})
    assert found[-1].state == "bad"
    assert doctor.table(found).count("\n") == len(found) - 1
