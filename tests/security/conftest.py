"""Every application of a serve file in this process, as its replicas build it, and ways to talk to them.

SONANT_HOSTILE sets how many files and sequences are tried: 10000 is the full proof, the default what CI has time for.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import inspect
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from sonant.audio.sandbox import Sandbox
from sonant.config.serve import Application, HomeApplication
from sonant.edge import keys

LIMITS = {"max_body_mib": 4, "max_audio_s": 10, "max_sessions": 4, "max_frame_kib": 64, "idle_s": 0.5, "decode_s": 2}


@pytest.fixture(scope="session")
def extractor_kind() -> str:
    """One network that extracts is enough here: what comes before it is what is tried."""
    return "causal"


@pytest.fixture(scope="session")
def count() -> Callable[[int], int]:
    """How many to try: as many as the environment says, or what a test can afford."""
    return lambda usual: int(os.environ.get("SONANT_HOSTILE", usual))


@pytest.fixture(scope="session")
def bundles(
    tone_bundle: Path,
    detect_bundle: Path,
    voice_bundle: Path,
    extract_bundle: Path,
    enhance_bundle: Path,
    whisper_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, dict[str, Any]]:
    """What the applications are told, by module; one that is not in here fails the tests: its doors must be tried."""
    speakers = {"bundle": str(voice_bundle), "speakers": str(tmp_path_factory.mktemp("speakers"))}
    return {
        "serve_apps.classify": {"bundle": str(tone_bundle)},
        "serve_apps.detect": {"bundle": str(detect_bundle)},
        "serve_apps.embed": {"bundle": str(voice_bundle)},
        "serve_apps.verify": speakers,
        "serve_apps.speakers": speakers,
        "serve_apps.extract": {"bundle": str(extract_bundle), "speakers": speakers["speakers"]},
        "serve_apps.enhance": {"bundle": str(enhance_bundle), "store_url": str(tmp_path_factory.mktemp("results"))},
        "serve_apps.transcribe": {"engine": {"kind": "faster_whisper", "model": str(whisper_folder), "device": "cpu"}},
        "serve_apps.tensors": {"models": {"tones": str(tone_bundle)}},
        "serve_apps.home": {},
    }


@pytest.fixture(scope="session")
def modules() -> list[str]:
    """Modules of all applications that a serve file can name."""
    kinds = get_args(get_args(Application)[0])
    assert HomeApplication in kinds
    return [get_args(kind.model_fields["import_path"].annotation)[0].partition(":")[0] for kind in kinds]


def sandboxes() -> list[Sandbox]:
    """All that there are: applications keep theirs to themselves."""
    return [one for one in gc.get_objects() if type(one) is Sandbox]  # isinstance would wake proxies


class Replica:
    """One application as Serve would run it."""

    def __init__(self, module: str, args: dict[str, Any], prefix: str) -> None:
        made = importlib.import_module(module)
        kinds = [
            kind
            for name, kind in inspect.getmembers(made, inspect.isclass)
            if kind.__module__ == module and hasattr(kind, "__serve_build_asgi_app__") and name != "Replica"
        ]
        kind = [*kinds, getattr(made, "Ingress", None)][0]
        assert kind is not None
        self.name, self.prefix = module.rpartition(".")[2], prefix
        before = {id(one) for one in sandboxes()}
        self.replica = kind(args)
        self.sandboxes = [one for one in sandboxes() if id(one) not in before]
        """Where this application decodes."""
        self.app = self.replica.__serve_build_asgi_app__()
        self.door = self.app.app
        self.api = self.replica._face.api if hasattr(self.replica, "_face") else self.replica._api

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app({**scope, "root_path": self.prefix}, receive, send)


@pytest.fixture(scope="session")
def replicas(modules: list[str], bundles: dict[str, dict[str, Any]]) -> Callable[..., list[Replica]]:
    """Builds one replica of each application: `replicas(keys=path)`; `limits` replace some of the usual ones."""

    def build(*, limits: Mapping[str, Any] | None = None, **shared: Any) -> list[Replica]:
        made: list[Replica] = []
        for module in modules:
            name = module.rpartition(".")[2]
            common = {} if name == "home" else {"limits": {**LIMITS, **(limits or {})}}
            prefix = "" if name == "home" else f"/v1/{name}"
            made.append(Replica(module, {**bundles[module], **common, **shared}, prefix))
        return made

    return build


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    path = str(tmp_path / "keys.json")
    keys.add(path, keys.create("somebody", keys.RIGHTS)[0])
    return path


class Socket:
    """A client of an ASGI socket: what it sends is written down beforehand, what it is told is read afterwards."""

    def __init__(self, app: Any, path: str, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        self._inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.outbox: list[dict[str, Any]] = []
        self.closed = asyncio.Event()
        self.scope = {
            "type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "headers": [(b"host", b"test"), *headers], "subprotocols": [], "scheme": "ws", "asgi": {"version": "3.0"},
            "client": ("127.0.0.1", 1), "server": ("test", 80),
        }  # fmt: skip
        self._inbox.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.ensure_future(app(self.scope, self._inbox.get, self._take))

    async def _take(self, message: dict[str, Any]) -> None:
        assert not self.closed.is_set(), f"{message['type']} after the close"
        self.outbox.append(message)
        if message["type"] == "websocket.close":
            self.closed.set()
            self._inbox.put_nowait({"type": "websocket.disconnect", "code": message.get("code", 1000)})
        await asyncio.sleep(0)

    def say(self, message: str | bytes) -> None:
        kind = "text" if isinstance(message, str) else "bytes"
        self._inbox.put_nowait({"type": "websocket.receive", kind: message})

    def leave(self) -> None:
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1006})

    def told(self) -> list[dict[str, Any]]:
        """The messages that came, as JSON; what is sound is left out."""
        return [json.loads(message["text"]) for message in self.outbox if message.get("text") is not None]

    @property
    def close_code(self) -> int | None:
        last = self.outbox[-1] if self.outbox else {}
        return last.get("code", 1000) if last.get("type") == "websocket.close" else None


@pytest.fixture(scope="session")
def open_socket() -> type[Socket]:
    return Socket


@pytest.fixture(scope="session")
def client() -> Callable[[Any], Any]:
    """`async with client(app) as http`: HTTP to an application in this process; what it raises, the test sees."""

    @asynccontextmanager
    async def connect(app: Any) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as http:
            yield http

    return connect
