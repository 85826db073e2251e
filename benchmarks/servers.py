"""The servers that benchmarks compare: each is started, waited for, and taken down with all of its processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Server(NamedTuple):
    url: str
    pid: int
    """Root of its process tree."""


@contextlib.contextmanager
def plain(bundle: str, workers: int) -> Generator[Server]:
    """`plain_server.py` in so many processes."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "plain_server:app", "--port", str(port), "--workers", str(workers)]
    options = ["--log-level", "warning", "--no-access-log"]
    with started([*command, *options], {"SONANT_BUNDLE": bundle}, port, "/openapi.json") as server:
        yield server


@contextlib.contextmanager
def litserve(python: str, bundle: str, batch: int) -> Generator[Server]:
    """`litserve_server.py` in a Python that has LitServe: one process for HTTP and one for the model."""
    port = free_port()
    command = [python, "litserve_server.py", str(port), str(batch)]
    with started(command, {"SONANT_BUNDLE": bundle}, port, "/health") as server:
        yield server


@contextlib.contextmanager
def bentoml(python: str, bundle: str, name: str) -> Generator[Server]:
    """A service of `bentoml_server.py` in a Python that has BentoML."""
    port = free_port()
    command = [python, "-m", "bentoml", "serve", f"bentoml_server:{name}", "--port", str(port)]
    others = {"SONANT_BUNDLE": bundle, "BENTOML_DO_NOT_TRACK": "true"}
    with started(command, others, port, "/readyz") as server:
        yield server


@contextlib.contextmanager
def sonant(
    folder: Path, applications: Mapping[str, Mapping[str, Any]], *, home: bool = False, fast_proxy: bool = True
) -> Generator[Server]:
    """`sonant serve` with classifiers, each below /NAME, and the application at / which has the metrics, if wanted."""
    port = free_port()
    routes = {name: f"/{name}" for name in applications}
    file = {
        "http_options": {"port": port},
        "fast_proxy": fast_proxy,
        "applications": [
            {"name": name, "route_prefix": routes[name], "import_path": "serve_apps.classify:build", "args": dict(args)}
            for name, args in applications.items()
        ],
    }
    if home:
        args = {"applications": routes}
        app = {"name": "home", "route_prefix": "/", "import_path": "serve_apps.home:build", "args": args}
        file["applications"].append(app)
    path = folder / f"serve-{port}.yaml"
    path.write_text(json.dumps(file), encoding="ascii")
    command = [sys.executable, "-m", "sonant.cli", "serve", str(path)]
    paths = [f"/{name}/info" for name in applications]
    with started(command, {}, port, *paths) as server:
        yield server


@contextlib.contextmanager
def started(command: Sequence[str], environment: Mapping[str, str], port: int, *paths: str) -> Generator[Server]:
    """A process that serves a port, from when all paths answer."""
    process = subprocess.Popen(command, cwd=HERE, env={**ENVIRONMENT, **environment}, start_new_session=True)
    try:
        for path in paths:
            wait_for(f"http://127.0.0.1:{port}{path}", process)
        yield Server(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def wait_for(url: str, process: subprocess.Popen[bytes], limit_s: float = 180.0) -> None:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ChildProcessError(f"{process.args} has ended")
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise TimeoutError(f"{url} does not answer")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def family(root: int) -> list[int]:
    """A process and all below it."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            parents[int(path.parent.name)] = int(_fields(path)[1])

    def below(pid: int) -> bool:
        return pid == root or (pid in parents and below(parents[pid]))

    return [pid for pid in parents if below(pid)]


def cpu_s(root: int) -> float:
    """CPU time that a process and all below it have used."""
    ticks = 0
    for pid in family(root):
        with contextlib.suppress(OSError):
            fields = _fields(Path(f"/proc/{pid}/stat"))
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def rss_mib(pids: Sequence[int]) -> float:
    """Memory that processes hold."""
    pages = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _fields(stat: Path) -> list[str]:
    """The fields behind the name of a process, which may hold anything: state, parent, ..."""
    return stat.read_text().rpartition(")")[2].split()
