"""Requests a second through Ray Serve against a plain server with the same decoder and graph, and live sessions.

    python benchmarks/serve.py [BUNDLE] [--clients 1,8,32] [--seconds 4] [--rounds 3] [--live 1,16,64]

All servers are up at the same time and take turns, round by round. What counts are the ratios to the first row, as the
median over rounds; CPU ms are what the server's processes used for one request. Needs `wrk`. Without a bundle, an
untrained TC-ResNet8 is exported and used.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml

HERE = Path(__file__).parent
RATE_HZ = 16_000
STREAM_CHUNK_S = 0.04
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class Target(NamedTuple):
    name: str
    url: str
    pid: int
    """Root of the server's process tree."""


class Result(NamedTuple):
    per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    """CPU time of the server's processes for one request: the figure that a busy machine changes least."""


class Server(NamedTuple):
    url: str
    pid: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?")
    parser.add_argument("--clients", default="1,8,32")
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--live", default="1,16,64")
    args = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        bundle = str(Path(args.bundle).absolute()) if args.bundle else export_untrained(folder)
        script = write_post_script(folder)
        targets = start_all(stack, folder, bundle)
        clients = [int(count) for count in args.clients.split(",")]
        results = measure(targets, script, clients, args.seconds, args.rounds)
        print(table(targets, clients, results))
        stream = "ws" + targets[3].url.removeprefix("http") + "/stream"
        print(live_table(stream, [int(count) for count in args.live.split(",")]))


def export_untrained(folder: Path) -> str:
    import torch

    from models.spec import create
    from sonant.config.experiment import Experiment
    from sonant.config.load import check
    from sonant.export.bundle import publish, seal
    from sonant.export.export import Trained, make

    labels = tuple(f"word{number}" for number in range(12))
    model = {"kind": "tc_resnet", "variant": 8, "causal": True, "outputs": len(labels), "features": {"kind": "mfcc"}}
    config: Experiment = check(Experiment, {"name": "bench", "model": model, "data": {"corpus": "none"}})
    torch.manual_seed(0)
    network = create(config.model).eval()
    info, contents = make(Trained(model=network, config=config, labels=labels, metrics={}, run="bench"))
    return publish(seal(info, contents), str(folder / "bundle"))


def write_post_script(folder: Path) -> Path:
    """A wrk script that posts one second of 16-bit wav: 32 kB."""
    from sonant.audio.wav import encode_wav

    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE_HZ)
    (folder / "clip.wav").write_bytes(encode_wav(noise.astype(np.float32), RATE_HZ))
    script = folder / "post.lua"
    script.write_text(
        f"""
        local file = io.open("{folder}/clip.wav", "rb")
        wrk.body = file:read("*a")
        wrk.method = "POST"
        wrk.headers["Content-Type"] = "audio/wav"
        done = function(summary, latency)
          local e = summary.errors
          print(string.format("RESULT %.3f %.3f %.3f %d %d", summary.requests / summary.duration * 1e6,
                latency:percentile(50) / 1000, latency:percentile(99) / 1000,
                e.status + e.connect + e.read + e.write + e.timeout, summary.requests))
        end
        """,
        encoding="ascii",
    )
    return script


def start_all(stack: contextlib.ExitStack, folder: Path, bundle: str) -> list[Target]:
    one, two = (stack.enter_context(plain(bundle, workers)) for workers in (1, 2))
    applications = {
        "fused": {"ingress": {"num_cpus": 0.1}},
        "fused2": {"ingress": {"num_replicas": 2, "num_cpus": 0.1}},
        "split": {"placement": "split", **{stage: {"num_cpus": 0.1} for stage in ("ingress", "model", "postprocess")}},
    }
    fast = stack.enter_context(ours(folder, bundle, applications, fast_proxy=True))
    slow = stack.enter_context(ours(folder, bundle, {"fused": applications["fused"]}, fast_proxy=False))
    rows = [
        ("plain, thread pool", one, "/pool"),
        ("plain, on the loop", one, "/loop"),
        ("plain, thread pool, 2 processes", two, "/pool"),
        ("sonant fused", fast, "/fused"),
        ("sonant fused, 2 replicas", fast, "/fused2"),
        ("sonant split (3 processes)", fast, "/split"),
        ("sonant fused, Ray's own proxy", slow, "/fused"),
    ]
    return [Target(name, server.url + path, server.pid) for name, server, path in rows]


@contextlib.contextmanager
def plain(bundle: str, workers: int) -> Generator[Server]:
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "plain_server:app", "--port", str(port), "--workers", str(workers)]
    environment = ENVIRONMENT | {"SONANT_BUNDLE": bundle}
    with running([*command, "--log-level", "warning", "--no-access-log"], environment) as pid:
        wait_for(f"http://127.0.0.1:{port}/openapi.json")
        yield Server(f"http://127.0.0.1:{port}", pid)


@contextlib.contextmanager
def ours(folder: Path, bundle: str, applications: dict[str, dict], *, fast_proxy: bool) -> Generator[Server]:
    """`sonant serve` with several applications of the same bundle."""
    port = free_port()
    file = {
        "http_options": {"port": port},
        "fast_proxy": fast_proxy,
        "applications": [
            {
                "name": name,
                "route_prefix": f"/{name}",
                "import_path": "serve_apps.classify:build",
                "args": {"bundle": bundle, "providers": ["CPUExecutionProvider"], **args},
            }
            for name, args in applications.items()
        ],
    }
    path = folder / f"serve-{port}.yaml"
    path.write_text(yaml.safe_dump(file), encoding="ascii")
    with running([sys.executable, "-m", "sonant.cli", "serve", str(path)], ENVIRONMENT) as pid:
        for name in applications:
            wait_for(f"http://127.0.0.1:{port}/{name}/info")
        yield Server(f"http://127.0.0.1:{port}", pid)


@contextlib.contextmanager
def running(command: Sequence[str], environment: dict[str, str]) -> Generator[int]:
    process = subprocess.Popen(command, cwd=HERE, env=environment, start_new_session=True)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def measure(
    targets: Sequence[Target], script: Path, clients: Sequence[int], seconds: int, rounds: int
) -> dict[tuple[str, int], list[Result]]:
    results: dict[tuple[str, int], list[Result]] = {}
    for target in targets:
        wrk(target, script, 4, 1)
    for _ in range(rounds):
        for count in clients:
            for target in targets:
                results.setdefault((target.name, count), []).append(wrk(target, script, count, seconds))
    return results


def wrk(target: Target, script: Path, clients: int, seconds: int) -> Result:
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), target.url]
    before_s = cpu_s(target.pid)
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used_s = cpu_s(target.pid) - before_s
    found = re.search(r"RESULT (\S+) (\S+) (\S+) (\d+) (\d+)", told)
    assert found is not None, told
    assert found[4] == "0", f"{target.url} with {clients} clients: {told}"
    per_s, p50_ms, p99_ms = (float(found[group]) for group in (1, 2, 3))
    return Result(per_s, p50_ms, p99_ms, 1000 * used_s / int(found[5]))


def cpu_s(root: int) -> float:
    """CPU time that a process and all below it have used."""
    parents: dict[int, int] = {}
    used: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            fields = path.read_text().rpartition(")")[2].split()
            pid = int(path.parent.name)
            parents[pid], used[pid] = int(fields[1]), int(fields[11]) + int(fields[12])

    def below(pid: int) -> bool:
        return pid == root or (pid in parents and below(parents[pid]))

    return sum(ticks for pid, ticks in used.items() if below(pid)) / os.sysconf("SC_CLK_TCK")


def table(targets: Sequence[Target], clients: Sequence[int], results: dict[tuple[str, int], list[Result]]) -> str:
    """Markdown: for each number of clients the ratio to the first target, requests a second, p50 and p99."""
    head = [f"{count} client{'s' if count > 1 else ''}: ratio, req/s, p50/p99 ms, CPU ms" for count in clients]
    lines = [f"| server | {' | '.join(head)} |", "|---" * (len(clients) + 1) + "|"]
    for target in targets:
        cells: list[str] = []
        for count in clients:
            own, base = results[target.name, count], results[targets[0].name, count]
            ratio = statistics.median(a.per_s / b.per_s for a, b in zip(own, base, strict=True))
            per_s, p50, p99, cpu = (statistics.median(values) for values in zip(*own, strict=True))
            cells.append(f"**{ratio:.2f}** {per_s:.0f} {p50:.1f}/{p99:.1f} {cpu:.2f}")
        lines.append(f"| {target.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def live_table(url: str, counts: Sequence[int]) -> str:
    lines = [
        "\n| live sessions, 40 ms chunks | scores p50 / p99 ms after their chunk | later than a chunk |",
        "|---|---|---|",
    ]
    for count in counts:
        delays, late = asyncio.run(stream_all(url, count))
        p50, p99 = np.percentile(delays, [50, 99])
        lines.append(f"| {count} | {p50:.1f} / {p99:.1f} | {late:.1%} |")
    return "\n".join(lines)


async def stream_all(url: str, sessions: int, seconds: float = 6.0) -> tuple[list[float], float]:
    """Real-time sessions, their clocks spread over a chunk: delays of the scores in ms, and the share over a chunk."""
    starts = np.linspace(0, STREAM_CHUNK_S, sessions, endpoint=False)
    found = await asyncio.gather(*(stream_one(url, float(start), seconds) for start in starts))
    delays = [delay for one in found for delay in one]
    return delays, sum(delay > STREAM_CHUNK_S * 1000 for delay in delays) / len(delays)


async def stream_one(url: str, start_s: float, seconds: float) -> list[float]:
    """One session: each score is measured against the sending of the chunk that completed its frame."""
    from websockets.asyncio.client import connect

    samples = round(STREAM_CHUNK_S * RATE_HZ)
    noise = 1000 * np.random.default_rng(0).standard_normal(samples)
    chunk = noise.astype("<i2").tobytes()
    sent: list[float] = []
    delays: list[float] = []
    async with connect(url, compression=None) as socket:
        await socket.send(json.dumps({"type": "start", "sample_rate_hz": RATE_HZ, "scores": True}))
        await socket.recv()

        async def speak() -> None:
            await asyncio.sleep(start_s)
            begin = time.perf_counter()
            for number in range(round(seconds / STREAM_CHUNK_S)):
                await asyncio.sleep(max(0.0, begin + number * STREAM_CHUNK_S - time.perf_counter()))
                sent.append(time.perf_counter())
                await socket.send(chunk)
            await socket.send('{"type": "end"}')

        speaking = asyncio.create_task(speak())
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "scores":
                number = round(message["t"] / STREAM_CHUNK_S) - 1
                delays.append(1000 * (time.perf_counter() - sent[min(number, len(sent) - 1)]))
        await speaking
    return delays


def wait_for(url: str, limit_s: float = 180.0) -> None:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(url, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise TimeoutError(f"{url} does not answer")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
