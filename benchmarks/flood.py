"""One live session beside a flood: half-open connections, sessions that say nothing, and senders that are too fast.

    python benchmarks/flood.py [BUNDLE] [--half-open 1000] [--silent 200] [--fast 50] [--seconds 10]

The whole stack (HAProxy, Ray Serve, one replica) on this machine; the flood comes from another process. Then the fast
senders are cut off, and the others hold on to their connections as long as they can. Told are the lateness of the
healthy session's scores before, during and after the flood, how long it takes until no slot is taken and no half-open
connection is left, and how much memory the server has gained. Half of the silent sessions say `start` first. Without a
bundle, an untrained TC-ResNet8 is served.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import re
import resource
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import servers
from serve import STREAM_CHUNK_S, export_untrained, stream_one

APP = "words"
FRAME = bytes(1 << 14)
"""What a fast sender sends: half a second of silence at 16 kHz."""
EMPTY_S = 30.0
"""Time in which all slots must be back."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", nargs="?")
    parser.add_argument("--half-open", type=int, default=1000)
    parser.add_argument("--silent", type=int, default=200)
    parser.add_argument("--fast", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each measurement")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        bundle = str(Path(args.bundle).absolute()) if args.bundle else export_untrained(folder)
        options = {"bundle": bundle, "providers": ["CPUExecutionProvider"], "ingress": {"num_cpus": 0.1}}
        server = stack.enter_context(servers.sonant(folder, {APP: options}, home=True))
        print(report(server, args.half_open, args.silent, args.fast, args.seconds))


def report(server: servers.Server, half_open: int, silent: int, fast: int, seconds: float) -> str:
    """Markdown: the healthy session in three rows, then what was asked for."""
    asyncio.run(healthy(server, 2.0))  # connections, graphs and pages that the first one pays for
    pids = servers.family(server.pid)
    before_mib = servers.rss_mib(pids)
    rows = [("alone", asyncio.run(healthy(server, seconds)))]
    here, there = multiprocessing.get_context("spawn").Pipe()
    flood = multiprocessing.get_context("spawn").Process(
        target=attack, args=(server.url, half_open, silent, fast, there), daemon=True
    )
    flood.start()
    opened = here.recv()
    taken = slots(server.url)
    rows.append((f"beside the flood ({opened})", asyncio.run(healthy(server, seconds))))
    during_mib = servers.rss_mib(servers.family(server.pid))
    here.send("cut the senders")
    began = time.monotonic()
    while (left := slots(server.url)) and time.monotonic() - began < 2 * EMPTY_S:
        time.sleep(0.5)
    empty_s = time.monotonic() - began
    here.send("count")
    still_open = here.recv()
    flood.kill()
    flood.join()
    rows.append(("after it", asyncio.run(healthy(server, seconds))))
    lines = ["| the healthy session | p50 ms | p99 ms | later than a chunk |", "|---|---|---|---|"]
    for name, delays in rows:
        p50, p99 = np.percentile(delays, [50, 99])
        late = float(np.mean(np.array(delays) > 1000 * STREAM_CHUNK_S))
        lines.append(f"| {name} | {p50:.1f} | {p99:.1f} | {late:.1%} |")
    ratio = float(np.percentile(rows[1][1], 99) / np.percentile(rows[0][1], 99))
    lines += [
        "",
        f"p99 beside the flood: {ratio:.2f} times that of before (asked: <= 2)",
        f"slots: {taken:g} taken in the flood, {left:g} left {empty_s:.1f} s after the senders were cut "
        f"(asked: 0 in {EMPTY_S:g} s); half-open connections left: {still_open}",
        f"memory of the server: {before_mib:.0f} MiB before, {during_mib - before_mib:+.0f} MiB in the flood",
    ]
    return "\n".join(lines)


async def healthy(server: servers.Server, seconds: float) -> list[float]:
    """Delays of one session's scores behind their chunks, in ms."""
    return await stream_one("ws" + server.url.removeprefix("http") + f"/{APP}/stream", 0.0, seconds)


def slots(url: str) -> float:
    """Live sessions that the server counts now."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        found = re.findall(r"^sonant_slots_used\{.*\} (\S+)$", answer.read().decode(), re.MULTILINE)
    return sum(map(float, found))


def attack(url: str, half_open: int, silent: int, fast: int, pipe: Connection) -> None:
    """The other process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * half_open)), hard))
    asyncio.run(Flood(url).run(half_open, silent, fast, pipe))


class Flood:
    """Connections that want nothing good."""

    def __init__(self, url: str) -> None:
        self._host, self._port = urlsplit(url).hostname or "", urlsplit(url).port or 80
        self._stream = "ws" + url.removeprefix("http") + f"/{APP}/stream"

    async def run(self, half_open: int, silent: int, fast: int, pipe: Connection) -> None:
        from websockets.asyncio.client import connect

        halves = await self._together(half_open, self._half)
        quiet = await self._together(silent, lambda: connect(self._stream, compression=None, ping_interval=None))
        for socket in quiet[::2]:
            await socket.send('{"type": "start"}')
        senders = await self._together(fast, lambda: connect(self._stream, compression=None, ping_interval=None))
        tasks = [asyncio.create_task(self._send(socket)) for socket in senders]
        pipe.send(f"{len(halves)} half-open, {len(quiet)} silent, {len(senders)} too fast")
        await asyncio.to_thread(pipe.recv)
        for socket in senders:
            socket.transport.abort()
        await asyncio.gather(*tasks)
        await asyncio.to_thread(pipe.recv)
        pipe.send(sum([await self._is_open(reader) for reader, _ in halves]))

    async def _together(self, count: int, opened: Callable[[], Awaitable[Any]]) -> list[Any]:
        """As many as the server lets in, 50 at a time."""
        found: list[Any] = []
        for start in range(0, count, 50):
            tried = (opened() for _ in range(min(50, count - start)))
            found += await asyncio.gather(*tried, return_exceptions=True)
        return [one for one in found if not isinstance(one, BaseException)]

    async def _half(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection with half a head."""
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write(f"GET /{APP}/stream HTTP/1.1\r\nHost: {self._host}\r\n".encode())
        await writer.drain()
        return reader, writer

    async def _is_open(self, reader: asyncio.StreamReader) -> bool:
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(0.001):
                while await reader.read(1 << 12):
                    pass
            return False
        return not reader.at_eof() and reader.exception() is None

    async def _send(self, socket: Any) -> None:
        """Sound as fast as it is taken, until the connection is cut; answers are read."""
        from websockets.exceptions import ConnectionClosed

        async def read() -> None:
            with contextlib.suppress(ConnectionClosed):
                async for _ in socket:
                    pass

        reading = asyncio.create_task(read())
        with contextlib.suppress(ConnectionClosed):
            await socket.send(json.dumps({"type": "start", "sample_rate_hz": 16_000, "scores": True}))
            while True:
                await socket.send(FRAME)
        await reading


if __name__ == "__main__":
    main()
