"""[ray] Replicas are killed and replaced under live sessions: every session ends with what it would have said."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import ray
from websockets.sync.client import connect

from sonant import cli
from sonant.audio.wav import encode_wav
from sonant.client.live import Answer, LiveClient
from sonant.cluster import serve
from sonant.cluster.deploy import running as deployed
from sonant.config.load import check
from sonant.config.serve import ServeFile
from sonant.export.bundle import publish, seal
from sonant.export.store import promote
from sonant.runtime.bundle import open_bundle

RATE_HZ, CHUNK = 4000, 160
SESSIONS = 3
START = {"format": "pcm_s16le", "sample_rate_hz": RATE_HZ}

pytestmark = [
    pytest.mark.parametrize("extractor_kind", ["causal"], indirect=True),
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),  # Ray's own
]


def noise(seed: int, seconds: float) -> bytes:
    wav_N = 3000 * np.random.default_rng(seed).standard_normal(int(seconds * RATE_HZ))
    return wav_N.astype("<i2").tobytes()


REFERENCE = encode_wav(np.frombuffer(noise(0, 0.5), "<i2").astype(np.float32) / 32768, RATE_HZ)


async def session(url: str, seed: int, seconds: float, paced: bool) -> tuple[list[Answer], int]:
    """All that one session says, and how often it lost its connection. Paced, its sound comes as it is spoken."""
    data = noise(seed, seconds)
    async with LiveClient(url, START, reference=REFERENCE, patience_s=120) as client:

        async def speak() -> None:
            for at in range(0, len(data), 2 * CHUNK):
                await client.send(data[at : at + 2 * CHUNK])
                if paced:
                    await asyncio.sleep(CHUNK / RATE_HZ)
            await client.end()

        speaking = asyncio.create_task(speak())
        answers = [answer async for answer in client]
        await speaking
        return answers, client.reconnects


class Speaker:
    """A session that speaks as fast as sound is spoken, until it is told to stop."""

    def __init__(self, url: str, seed: int) -> None:
        self._url, self._data = url, noise(seed, 600.0)
        self._stopped = asyncio.Event()
        self.client = LiveClient(url, START, reference=REFERENCE, patience_s=120)
        self.sent = 0
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> list[Answer]:
        async with self.client:
            speaking = asyncio.create_task(self._speak())
            answers = [answer async for answer in self.client]
            await speaking
            return answers

    async def _speak(self) -> None:
        while not self._stopped.is_set():
            await self.client.send(self._data[self.sent : self.sent + 2 * CHUNK])
            self.sent += 2 * CHUNK
            await asyncio.sleep(CHUNK / RATE_HZ)
        await self.client.end()

    async def stop(self) -> list[Any]:
        """All that it was told."""
        self._stopped.set()
        return list(said(await self.task))

    async def undisturbed(self) -> list[Any]:
        """The same sound, cut in the same way, to a server that is left alone: longer steps round otherwise."""
        async with LiveClient(self._url, START, reference=REFERENCE) as client:
            for at in range(0, self.sent, 2 * CHUNK):
                await client.send(self._data[at : at + 2 * CHUNK])
            await client.end()
            return list(said([answer async for answer in client]))


def said(answers: list[Answer]) -> tuple[bytes, list[Any]]:
    """The sound, and the messages."""
    return b"".join(one for one in answers if isinstance(one, bytes)), [
        one for one in answers if isinstance(one, dict) and one["type"] != "ready"
    ]


async def under(url: str, seconds: float, trouble: Callable[[], object]) -> tuple[list[Any], list[int]]:
    """What sessions say while something happens, and their reconnects."""
    sessions = [asyncio.create_task(session(url, seed, seconds, True)) for seed in range(SESSIONS)]
    await asyncio.sleep(1.0)
    await asyncio.to_thread(trouble)
    ended = await asyncio.gather(*sessions)
    return [said(answers) for answers, _ in ended], [count for _, count in ended]


def replicas(application: str = "") -> list[Any]:
    """The replicas that take requests."""
    named = ray.util.list_named_actors(all_namespaces=True)
    return [ray.get_actor(**one) for one in named if f"{application}#Ingress#" in one["name"]]


def ids(application: str) -> set[str]:
    """What tells the replicas of an application from those that come after them."""
    return {replica._actor_id.hex() for replica in replicas(application)}


def undisturbed(url: str, seconds: float) -> list[Any]:
    return [said(asyncio.run(session(url, seed, seconds, False))[0]) for seed in range(SESSIONS)]


@pytest.fixture(scope="module")
def args(extract_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    url = str(tmp_path_factory.mktemp("kept"))
    return {"bundle": str(extract_bundle), "sessions": {"url": url, "snapshot_s": 0.2}}


def test_replicas_may_be_killed(serve_here: Callable[[dict[str, Any]], str], args: dict[str, Any]) -> None:
    url = serve_here(args)
    wanted = undisturbed(url, 8.0)

    def kill_one_after_the_other() -> None:
        for replica in replicas():
            ray.kill(replica)

    heard, reconnects = asyncio.run(under(url, 8.0, kill_one_after_the_other))
    assert heard == wanted
    assert min(reconnects) >= 1


async def until(true: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
    """Waits for a condition."""
    try:
        async with asyncio.timeout(seconds):
            while not await asyncio.to_thread(true):
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(what) from None


def sessions_by_replica() -> dict[str, int]:
    """Live sessions now."""
    from ray import serve

    told = serve.get_deployment_handle("Ingress", "extract").broadcast("snapshot").results(timeout_s=30)
    return {
        replica: int(value)
        for replica, families in told
        for name, _, _, samples in families
        if name == "sonant_slots_used"
        for _, _, value in samples
    }


def test_replicas_follow_the_sessions(serve_here: Callable[[dict[str, Any]], str], args: dict[str, Any]) -> None:
    """Places run short: one more replica comes. Sessions end: it goes, and the session on it goes on elsewhere."""
    scaling = {"kind": "live", "min_replicas": 1, "max_replicas": 2, "free_slots": 0.8, "late_share": 1}
    ingress = {"autoscaling": {**scaling, "up_s": 0, "down_s": 3}, "num_cpus": 0.1, "graceful_shutdown_timeout_s": 60}
    url = serve_here({**args, "limits": {"max_sessions": 16}, "ingress": ingress})

    async def now() -> dict[str, int]:
        return await asyncio.to_thread(sessions_by_replica)

    async def run() -> None:
        assert len(await now()) == 1
        first = [Speaker(url, seed) for seed in range(4)]
        await until(lambda: 4 in sessions_by_replica().values(), "four sessions have begun")
        await until(lambda: len(sessions_by_replica()) == 2, "more than a fifth is taken: a second replica comes")
        old = next(replica for replica, number in (await now()).items() if number)
        late: list[Speaker] = []
        while not any(number for replica, number in (await now()).items() if replica != old):
            late.append(Speaker(url, 10 + len(late)))
            await until(lambda: sum(sessions_by_replica().values()) == 4 + len(late), "one more has begun")
        heard = [await speaker.stop() for speaker in first + late[:-1]]
        last = late[-1]
        assert last.client.reconnects == 0
        await until(lambda: last.client.reconnects > 0, "one replica is enough: the newer one hands its session over")
        await until(lambda: sessions_by_replica() == {old: 1}, "it goes on at the older one")
        heard.append(await last.stop())
        assert heard == [await speaker.undisturbed() for speaker in [*first, *late]]

    asyncio.run(run())


def test_a_redeploy_hands_sessions_over(serve_here: Callable[[dict[str, Any]], str], args: dict[str, Any]) -> None:
    url = serve_here(args)
    wanted = undisturbed(url, 8.0)
    heard, reconnects = asyncio.run(under(url, 8.0, lambda: serve_here({**args, "max_references": 4})))
    assert heard == wanted
    assert min(reconnects) >= 1


def test_a_promotion_replaces_one_application_and_a_rollback_brings_it_back(
    serve_here: Callable[..., str], args: dict[str, Any], extract_bundle: Path, tmp_path: Path
) -> None:
    store, bundle = str(tmp_path / "store"), open_bundle(extract_bundle)
    name, first = bundle.info.name, bundle.info.version
    contents = {file: bundle.read(file) for file in bundle.info.files}
    second = publish(seal(bundle.info.model_copy(update={"version": "second"}), contents), str(tmp_path / "second"))
    promote(str(extract_bundle), "champion", store)
    one = {"ingress": {"num_cpus": 0.1, "graceful_shutdown_timeout_s": 2}}
    followed = {**args, **one, "bundle": f"{store}/{name}@champion"}
    url = serve_here(followed, bystand={**one, "bundle": str(extract_bundle)})
    wanted, bystander, old = undisturbed(url, 6.0), ids("bystand"), ids("extract")
    assert bystander

    heard, reconnects = asyncio.run(
        under(url, 6.0, lambda: cli.main(["promote", second, "champion", "--store", store, "--serve", "here"]))
    )
    assert httpx.get(f"{url}/info").json()["model"] == f"{name}/second"
    assert heard == wanted, "sessions go on with the version that they began with"
    assert min(reconnects) >= 1
    assert ids("bystand") == bystander
    assert not old & ids("extract")

    assert cli.main(["rollback", f"{store}/{name}", "--serve", "here"]) == 0
    assert httpx.get(f"{url}/info").json()["model"] == f"{name}/{first}"
    assert ids("bystand") == bystander

    running: ServeFile = check(ServeFile, {"applications": [plain(one) for one in deployed().values()]})
    with connect(url.replace("http", "ws", 1) + "/stream") as socket:
        socket.send(json.dumps({"type": "start", **START, "enroll": True}))
        socket.send(REFERENCE)
        socket.send('{"type": "enrolled"}')
        assert json.loads(socket.recv(60))["type"] == "ready"
        ending = threading.Thread(target=serve._take_down, args=(running, False))
        ending.start()
        told = json.loads(socket.recv(60))
        assert (told["type"], "resume" in told) == ("drain", False)
        assert 0 < told["within_s"] <= 10, "it was opened without `resume`: there is some time to end it"
        socket.send('{"type": "end"}')
        assert [json.loads(one)["type"] for one in socket if isinstance(one, str)][-1] == "done"
        ending.join()
    assert not deployed()


def plain(one: dict[str, Any]) -> dict[str, Any]:
    """An application that runs, as it is written in a file."""
    return {name: one[name] for name in ("name", "route_prefix", "import_path", "args")}
