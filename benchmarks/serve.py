"""Requests a second through Ray Serve against other servers of the same decoder and graph, and live sessions.

    python benchmarks/serve.py [BUNDLE] [--others PYTHON] [--clients 8,32] [--seconds 3] [--rounds 4] [--live 64]

All servers are up at the same time and take turns, round by round. What counts are the ratios, as the median over
rounds; CPU ms are what the server's processes used for one request. Every server has one process, or one for each of
its parts, and one thread for the graph, unless its name says otherwise. Needs `wrk`. Without a bundle, an untrained
TC-ResNet8 is exported and used.

LitServe and BentoML are compared when PYTHON has them. Ours need not: what they bring along is not for our extras.

    python -m venv /tmp/others
    python -c 'import site; print(site.getsitepackages()[0])' > $(echo /tmp/others/lib/python3*/site-packages)/ours.pth
    /tmp/others/bin/pip install litserve bentoml
    python benchmarks/serve.py --others /tmp/others/bin/python
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import servers
from servers import Server

RATE_HZ = 16_000
STREAM_CHUNK_S = 0.04


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


Results = dict[tuple[str, int], list[Result]]

PLAIN, FUSED, SPLIT = "plain, thread pool", "sonant fused", "sonant split (3 processes)"
PLAIN_2, FUSED_2 = "plain, thread pool, 2 processes", "sonant fused, 2 replicas"
LITSERVE = ("LitServe, batches of 16 (2 processes)", "LitServe, no batches (2 processes)")
BENTOML = ("BentoML, adaptive batches of 16 (2 processes)", "BentoML, no batches")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?")
    parser.add_argument("--others", metavar="PYTHON", help="a Python that has litserve and bentoml")
    parser.add_argument("--servers", default="", help="beginnings of names of rows, with ; between; default: all")
    parser.add_argument("--clients", default="8,32")
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--live", default="64", help="live sessions; empty: none")
    args = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is missing: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        bundle = str(Path(args.bundle).absolute()) if args.bundle else export_untrained(folder)
        script = write_post_script(folder)
        targets = start_all(stack, folder, bundle, args.others, args.servers.split(";"))
        clients = [int(count) for count in args.clients.split(",")]
        results = measure(targets, script, clients, args.seconds, args.rounds)
        print(table(targets, clients, results))
        print(verdicts(clients, results))
        streams = ["ws" + target.url.removeprefix("http") + "/stream" for target in targets if target.name == FUSED]
        if args.live and streams:
            print(live_table(streams[0], [int(count) for count in args.live.split(",")]))


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


def start_all(
    stack: contextlib.ExitStack, folder: Path, bundle: str, others: str | None, wanted: Sequence[str]
) -> list[Target]:
    """Those whose names begin with one of `wanted`."""
    common = {"bundle": bundle, "providers": ["CPUExecutionProvider"]}
    fused = {**common, "ingress": {"num_cpus": 0.1}}
    applications = {
        "fused": fused,
        "fused2": {**common, "ingress": {"num_replicas": 2, "num_cpus": 0.1}},
        "split": {**common, "placement": "split"}
        | {stage: {"num_cpus": 0.1} for stage in ("ingress", "model", "postprocess")},
    }
    one, two = partial(servers.plain, bundle, 1), partial(servers.plain, bundle, 2)
    fast = partial(servers.sonant, folder, applications)
    slow = partial(servers.sonant, folder, {"fused": fused}, fast_proxy=False)
    rows: list[tuple[str, partial[AbstractContextManager[Server]], str]] = [
        (PLAIN, one, "/pool"),
        ("plain, on the loop", one, "/loop"),
        (PLAIN_2, two, "/pool"),
        (FUSED, fast, "/fused"),
        (FUSED_2, fast, "/fused2"),
        (SPLIT, fast, "/split"),
        ("sonant fused, Ray's own proxy", slow, "/fused"),
    ]
    if others is not None:
        sizes, services = zip(LITSERVE, (16, 1), strict=True), zip(BENTOML, ("Batched", "Plain"), strict=True)
        rows += [(name, partial(servers.litserve, others, bundle, size), "/classify") for name, size in sizes]
        rows += [(name, partial(servers.bentoml, others, bundle, service), "/classify") for name, service in services]
    rows = [row for row in rows if row[0] == PLAIN or row[0].startswith(tuple(wanted))]
    asked = {path[1:] for _, start, path in rows if start is fast}
    for name in applications.keys() - asked:
        del applications[name]
    up: dict[partial[AbstractContextManager[Server]], Server] = {}
    targets: list[Target] = []
    for name, start, path in rows:
        if start not in up:
            up[start] = stack.enter_context(start())
        targets.append(Target(name, up[start].url + path, up[start].pid))
    return targets


def measure(targets: Sequence[Target], script: Path, clients: Sequence[int], seconds: int, rounds: int) -> Results:
    results: Results = {}
    for target in targets:
        wrk(target, script, 4, 1)
    for _ in range(rounds):
        for count in clients:
            for target in targets:
                results.setdefault((target.name, count), []).append(wrk(target, script, count, seconds))
    return results


def wrk(target: Target, script: Path, clients: int, seconds: int) -> Result:
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script), target.url]
    before_s = servers.cpu_s(target.pid)
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    used_s = servers.cpu_s(target.pid) - before_s
    found = re.search(r"RESULT (\S+) (\S+) (\S+) (\d+) (\d+)", told)
    assert found is not None, told
    assert found[4] == "0", f"{target.url} with {clients} clients: {told}"
    per_s, p50_ms, p99_ms = (float(found[group]) for group in (1, 2, 3))
    return Result(per_s, p50_ms, p99_ms, 1000 * used_s / int(found[5]))


def table(targets: Sequence[Target], clients: Sequence[int], results: Results) -> str:
    """Markdown: for each number of clients the ratio to the first target, requests a second, p50 and p99."""
    head = [f"{count} client{'s' if count > 1 else ''}: ratio, req/s, p50/p99 ms, CPU ms" for count in clients]
    lines = [f"| server | {' | '.join(head)} |", "|---" * (len(clients) + 1) + "|"]
    for target in targets:
        cells: list[str] = []
        for count in clients:
            own = results[target.name, count]
            ratio = ratio_of(results, count, target.name, targets[0].name)
            per_s, p50, p99, cpu = (statistics.median(values) for values in zip(*own, strict=True))
            cells.append(f"**{ratio:.2f}** {per_s:.0f} {p50:.1f}/{p99:.1f} {cpu:.2f}")
        lines.append(f"| {target.name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def ratio_of(results: Results, count: int, name: str, base: str) -> float:
    """Requests a second of one server to those of another, round by round."""
    pairs = zip(results[name, count], results[base, count], strict=True)
    return statistics.median(own.per_s / other.per_s for own, other in pairs)


def verdicts(clients: Sequence[int], results: Results) -> str:
    """What was asked for, of those servers that ran. Of several of a kind the fastest counts."""
    asked = [(FUSED, (PLAIN,), 1.0), (FUSED_2, (PLAIN_2,), 1.0), (SPLIT, (PLAIN,), 0.6)]
    asked += [(FUSED, LITSERVE, 1.5), (FUSED, BENTOML, 1.5)]
    lines = ["\n| compared | asked | " + " | ".join(f"{count} clients" for count in clients) + " |"]
    lines.append("|---" * (len(clients) + 2) + "|")
    for name, bases, least in asked:
        if all((one, clients[0]) in results for one in (name, *bases)):
            ratios = [min(ratio_of(results, count, name, base) for base in bases) for count in clients]
            marks = [f"{ratio:.2f}{'' if ratio >= least else ' **missed**'}" for ratio in ratios]
            base = bases[0] if len(bases) == 1 else bases[0].partition(",")[0]
            lines.append(f"| {name} to {base} | {least:g} | {' | '.join(marks)} |")
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


if __name__ == "__main__":
    main()
