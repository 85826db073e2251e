"""What live streams of the default network and of Demucs cost on one core, and how many sessions a core serves.

Networks have fresh weights and go through the bundle that `sonant export` writes and the pool that serves. All streams
take turns, a second of sound each in every round, so other load on the machine hurts all alike. A time is CPU time of
the thread that calls (there is no other); real-time factors and sessions are of the round with the least median: what
other programs do to caches is no cost of ours. p50 and p99 are wall times of all calls: what a client waits for.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from enhance_lines import markdown

from models.enhance.base import LiveEnhancer
from models.spec import create
from sonant.config.experiment import Experiment
from sonant.config.load import load
from sonant.export.bundle import publish, seal
from sonant.export.export import Trained, make
from sonant.measure import macs, params
from sonant.measure.bundle_sound import state_bytes
from sonant.runtime.bundle import open_bundle
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.scores import Floats
from sonant.runtime.sound_session import SoundSession
from sonant.runtime.sound_slots import SoundPool

NETWORKS = {"dual_path": "enhance/dual_path", "demucs H48": "enhance/demucs"}
"""Networks and their configs."""
HOPS = {"dual_path": (1, 2), "demucs H48": (1, 4)}
"""Hops of a call: 10 and 20 ms, 16 and 64 ms."""
ROWS = (32, 100)
"""Live sessions of one pool."""
CLIENT_MS = 20.0
"""Sound that each of them sends at a time."""
TARGETS = "targets: dual_path <= 20 ms, real-time factor <= 0.05, >= 100 sessions a core; demucs H48 <= 0.45"


class Times(NamedTuple):
    """Of one call, in seconds."""

    wall: float
    cpu: float


class Stream(NamedTuple):
    """Something that takes sound, call by call."""

    step: Callable[[], None]
    audio_s: float
    """Sound of a call; of all sessions together."""
    calls: int
    """A round."""


def cost(rounds: int) -> str:
    """Markdown: what each network is, its live streams, its sessions."""
    streams: dict[tuple[str, ...], Stream] = {}
    about: list[list[Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, config in NETWORKS.items():
            model, bundle = untrained(config, f"{folder}/{name}")
            engine = EnhanceEngine(open_bundle(bundle))
            about.append(described(name, model, engine))
            for hops in HOPS[name]:
                samples = hops * model.hop
                streams["stream", name, "torch", f"{hops}"] = in_torch(model, samples)
                streams["stream", name, "onnxruntime", f"{hops}"] = in_onnx(engine, samples)
            for rows in ROWS if name == "dual_path" else ():
                streams["pool", name, "one hop", f"{rows}"] = in_pool(engine, rows)
                streams["pool", name, "20 ms of each client", f"{rows}"] = in_sessions(engine, rows)
        told = measured(streams, rounds)
    lives = [
        [name, runtime, hops, f"{1000 * streams[key].audio_s:g}", *figures(streams[key], told[key])]
        for key in streams
        for what, name, runtime, hops in [key]
        if what == "stream"
    ]
    pools = [
        [name, how, rows, *figures(streams[key], told[key]), f"{1 / factor(streams[key], told[key]):.0f}"]
        for key in streams
        for what, name, how, rows in [key]
        if what == "pool"
    ]
    head = ["real-time factor", "CPU ms", "p50 ms", "p99 ms"]
    parts = [
        markdown(["network", "parameters", "GMAC/s", "waits at most ms", "hop ms", "bytes of state", "of them float32",
                  "ONNX steps - offline"], about),
        markdown(["network", "runtime", "hops a call", "sound ms", *head], lives),
        markdown(["network", "a call is", "sessions", *head, "sessions a core"], pools),
        TARGETS,
    ]  # fmt: skip
    return "\n\n".join(parts)


def untrained(config_name: str, folder: str) -> tuple[LiveEnhancer, str]:
    """A network with fresh weights, and its bundle."""
    config: Experiment = load(Experiment, config_name)
    torch.manual_seed(0)
    model = cast(LiveEnhancer, create(config.model).eval())
    livened(model)
    trained = Trained(model=model, config=config, labels=(), metrics={"test.si_sdri": 0.0}, run="untrained")
    return model, publish(seal(*make(trained)), folder)


def livened(model: LiveEnhancer) -> None:
    """Noise on all weights: a network that hands its input through would be proven by nothing."""
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.02 * torch.randn_like(weight))


def described(name: str, model: LiveEnhancer, engine: EnhanceEngine) -> list[Any]:
    rate_hz, held = model.sample_rate_hz, state_bytes(engine)
    wav_BN = sound(1, 5 * rate_hz // model.hop * model.hop)
    with torch.no_grad():
        wanted_BN = model(torch.from_numpy(wav_BN)).numpy()
    error = np.abs(engine.whole(wav_BN).wav_BN - wanted_BN).max() / np.abs(wanted_BN).max()
    floats = sum(value.size for value in engine.init_state(1).values() if value.dtype == np.float32)
    return [
        name, f"{params.of_model(model):,}", f"{macs.of_model(model).network / 1e9:.3f}",
        f"{1000 * (model.hop + model.latency) / rate_hz:.1f}", f"{1000 * model.hop / rate_hz:g}", f"{held:,}",
        f"{floats:,}", f"{error:.1e}",
    ]  # fmt: skip


def in_torch(model: LiveEnhancer, samples: int) -> Stream:
    chunk_BN, state = torch.from_numpy(sound(1, samples)), model.init_state(1)

    @torch.inference_mode()
    def step() -> None:
        nonlocal state
        _, state = model.step(chunk_BN, state)

    return one_second(step, samples / model.sample_rate_hz)


def in_onnx(engine: EnhanceEngine, samples: int) -> Stream:
    chunk_BN, state = sound(1, samples), engine.init_state(1)

    def step() -> None:
        nonlocal state
        _, state = engine.step(chunk_BN, state)

    return one_second(step, samples / engine.info.sample_rate_hz)


def in_pool(engine: EnhanceEngine, rows: int) -> Stream:
    """All sessions step by one hop in one call."""
    pool = SoundPool(engine, rows)
    ready = dict(zip(admitted(pool, rows), sound(rows, engine.hop), strict=True))
    seconds = engine.hop / engine.info.sample_rate_hz
    return one_second(lambda: pool.step(ready), seconds, rows)


def in_sessions(engine: EnhanceEngine, rows: int) -> Stream:
    """All clients send 20 ms, which go through their sessions as in a server."""
    pool, rate_hz = SoundPool(engine, rows), engine.info.sample_rate_hz
    sessions = {slot: SoundSession(pool, slot, rate_hz) for slot in admitted(pool, rows)}
    sent_BN = sound(rows, round(CLIENT_MS * rate_hz / 1000))

    def step() -> None:
        for session, sent_N in zip(sessions.values(), sent_BN, strict=True):
            session.push(sent_N)
        ready = {slot: chunk for slot, session in sessions.items() if (chunk := session.ready()) is not None}
        for slot, heard in pool.step(ready).items():
            sessions[slot].take(heard)

    return one_second(step, CLIENT_MS / 1000, rows)


def admitted(pool: SoundPool, rows: int) -> list[Any]:
    slots = [pool.admit() for _ in range(rows)]
    assert None not in slots, "the pool is as large"
    return slots


def one_second(step: Callable[[], object], seconds: float, rows: int = 1) -> Stream:
    """A round is a second of sound of each of the rows."""

    def call() -> None:
        step()

    return Stream(call, rows * seconds, max(1, round(1 / seconds)))


def measured(streams: dict[tuple[str, ...], Stream], rounds: int) -> dict[tuple[str, ...], list[list[Times]]]:
    """Times of all calls by round; the first round is to warm up."""
    told: dict[tuple[str, ...], list[list[Times]]] = {key: [] for key in streams}
    for number in range(rounds + 1):
        for key, stream in streams.items():
            times = [timed(stream.step) for _ in range(stream.calls)]
            if number:
                told[key].append(times)
    return told


def timed(step: Callable[[], None]) -> Times:
    wall, cpu = time.perf_counter(), time.thread_time()
    step()
    return Times(time.perf_counter() - wall, time.thread_time() - cpu)


def least(rounds: list[list[Times]]) -> float:
    """CPU seconds of a call in the round with the least median."""
    return min(float(np.median([call.cpu for call in calls])) for calls in rounds)


def factor(stream: Stream, rounds: list[list[Times]]) -> float:
    return least(rounds) / stream.audio_s


def figures(stream: Stream, rounds: list[list[Times]]) -> list[str]:
    p50, p99 = 1000 * np.quantile([call.wall for calls in rounds for call in calls], (0.5, 0.99))
    return [f"{factor(stream, rounds):.4f}", f"{1000 * least(rounds):.2f}", f"{p50:.2f}", f"{p99:.2f}"]


def sound(*shape: int) -> Floats:
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)
