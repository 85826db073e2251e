"""Live sessions while replicas are killed one after the other: are all complete, and is every sample the right one?

    python -m benchmarks.chaos store/causal@champion anna.wav --sessions 32 --every 10 --for 300

Serves the extractor as two replicas on a Ray of its own. Each session plays noise of its own as if it were live, first
undisturbed and at once, then paced and under fire; the two answers are compared byte by byte. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import tempfile
import time
from typing import Any

import numpy as np
import ray

from sonant.client.live import LiveClient
from sonant.cluster.serve import deploy
from sonant.config.load import check
from sonant.config.serve import ServeFile
from sonant.errors import SonantError

RATE_HZ, CHUNK = 16_000, 640
ROUTE = "/v1/audio/extractions"


async def session(url: str, seed: int, seconds: float, reference: bytes, *, paced: bool) -> tuple[bytes, int] | None:
    """The sound that came back and how often the connection was lost; None when the session could not be completed."""
    rng, heard = np.random.default_rng(seed), bytearray()
    start = {"format": "pcm_s16le", "sample_rate_hz": RATE_HZ}
    try:
        async with LiveClient(url, start, reference=reference, patience_s=120) as client:

            async def speak() -> None:
                began = time.monotonic()
                for number in range(int(seconds * RATE_HZ / CHUNK)):
                    await client.send((3000 * rng.standard_normal(CHUNK)).astype("<i2").tobytes())
                    ahead_s = (number + 1) * CHUNK / RATE_HZ - (time.monotonic() - began)
                    if paced and ahead_s > 0:
                        await asyncio.sleep(ahead_s)
                await client.end()

            speaking = asyncio.create_task(speak())
            async for answer in client:
                heard += answer if isinstance(answer, bytes) else b""
            await speaking
            return bytes(heard), client.reconnects
    except SonantError as error:
        print(f"session {seed}: {error.line()}")
        return None


async def kill(every_s: float, seconds: float) -> int:
    """Kills a replica every so often; how many."""
    killed, ends = 0, time.monotonic() + seconds
    while time.monotonic() + every_s < ends:
        await asyncio.sleep(every_s)
        named = [one for one in ray.util.list_named_actors(all_namespaces=True) if "#Ingress#" in one["name"]]
        if named:
            ray.kill(ray.get_actor(**named[killed % len(named)]))
            killed += 1
    return killed


async def run(url: str, args: argparse.Namespace, reference: bytes) -> dict[str, Any]:
    """The figures."""
    wanted = [await session(url, seed, args.seconds, reference, paced=False) for seed in range(args.sessions)]
    killing = asyncio.create_task(kill(args.every, args.seconds))
    live = [session(url, seed, args.seconds, reference, paced=True) for seed in range(args.sessions)]
    heard = await asyncio.gather(*live)
    same = sum(
        one is not None and other is not None and one[0] == other[0] for one, other in zip(heard, wanted, strict=True)
    )
    return {
        "sessions": args.sessions,
        "killed": await killing,
        "completed": sum(one is not None for one in heard),
        "same_bytes": same,
        "reconnects": sum(one[1] for one in heard if one is not None),
    }


def main() -> None:
    """Reads the command line, serves, measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle")
    parser.add_argument("reference", help="a recording of the wanted voice")
    parser.add_argument("--sessions", type=int, default=32)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two kills")
    parser.add_argument("--for", dest="seconds", type=float, default=300.0)
    args = parser.parse_args()
    with open(args.reference, "rb") as file:
        reference = file.read()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ray.init(address="local", num_cpus=4, include_dashboard=False, log_to_driver=False)
    with tempfile.TemporaryDirectory() as kept:
        settings = {"sessions": {"url": kept}, "ingress": {"num_replicas": 2, "num_cpus": 0.1}}
        app = {
            "name": "extract",
            "route_prefix": ROUTE,
            "import_path": "serve_apps.extract:build",
            "args": {"bundle": args.bundle, **settings},
        }
        file_: ServeFile = check(ServeFile, {"http_options": {"port": port}, "applications": [app]})
        url = deploy(file_, fast=False).url + ROUTE
        print(json.dumps(asyncio.run(run(url, args, reference))))
        ray.shutdown()


if __name__ == "__main__":
    main()
