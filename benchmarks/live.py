"""How many live sessions does one core carry, and what does one take? `python benchmarks/live.py [BUNDLE ...]`

Every session has its own clock: a chunk of int16 falls due each --chunk-ms, and the clocks are spread evenly. One
thread takes what is due, converts and buffers it, steps the pool once, and reads out the events, or takes the sound of
a bundle that answers with it. A chunk is late by the time from when it was due until its answer was there. The number
told is the largest for which p99 of the lateness stays within one chunk. Memory is what the process grows by when
another 256 sessions talk. Network and protocol are not part of this; `benchmarks/serve.py` has them.

Without bundles: those of the configs for keywords, enhancement and extraction, with fresh weights, which cost as much
as trained ones.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections import deque
from dataclasses import dataclass

import numpy as np
import servers

from sonant.audio.samples import to_float, to_int16
from sonant.runtime.bundle import Bundle, open_bundle
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.engine import Engine
from sonant.runtime.session import LiveSession
from sonant.runtime.slots import Pool, SlotPool
from sonant.runtime.sound_session import SoundSession
from sonant.runtime.sound_slots import SoundPool
from sonant.runtime.voice_slots import VoicePool
from sonant.runtime.voices import VoiceEngine

AnyEngine = Engine | VoiceEngine | EnhanceEngine
Session = LiveSession | SoundSession

CONFIGS = ("kws/tc_resnet", "enhance/dual_path", "extract/causal")
CHUNK_MS = {"labels": 40.0, "sound": 20.0}
"""What clients send at a time, by what they are answered with."""
WARM_UP_S = 1.0
TRIALS = 3
MORE = 256
"""Sessions whose memory is measured."""


@dataclass(frozen=True)
class Load:
    """What N sessions did to one core."""

    sessions: int
    p50_ms: float
    p99_ms: float
    busy: float
    """Share of the time that the thread computed."""
    batch: float
    """Mean sessions in a step."""


def untrained(config_name: str, folder: str) -> str:
    """A bundle of a config's network with fresh weights."""
    import torch

    from models.spec import create
    from sonant.config.experiment import Experiment
    from sonant.config.load import load
    from sonant.export.bundle import publish, seal
    from sonant.export.export import Trained, make

    config: Experiment = load(Experiment, config_name)
    torch.manual_seed(0)
    labels = tuple(f"word{number}" for number in range(12)) if config.task.kind == "classify" else ()
    network = create(config.model.model_copy(update={"outputs": len(labels)}) if labels else config.model).eval()
    trained = Trained(model=network, config=config, labels=labels, metrics={}, run="untrained")
    return publish(seal(*make(trained)), f"{folder}/{config.name}")


def open_engine(bundle: Bundle) -> AnyEngine:
    """On one thread."""
    kind = Engine if bundle.info.sound is None else EnhanceEngine if bundle.info.extract is None else VoiceEngine
    return kind(bundle, threads=1)


def seats(engine: AnyEngine, sessions: int, rate_hz: int) -> tuple[Pool, list[Session]]:
    """A full pool; every client of an extractor follows a voice of his own."""
    if isinstance(engine, Engine):
        pool = SlotPool(engine, sessions)
        slots = [pool.admit() for _ in range(sessions)]
        return pool, [LiveSession(pool, slot, rate_hz) for slot in slots if slot is not None]
    if isinstance(engine, VoiceEngine):
        voices = VoicePool(engine, sessions)
        voice_SE = np.random.default_rng(0).standard_normal((sessions, engine.sizes.voice_size)).astype(np.float32)
        followed = [voices.follow(voice_E) for voice_E in voice_SE]
        return voices, [SoundSession(voices, slot, rate_hz) for slot in followed if slot is not None]
    sounds = SoundPool(engine, sessions)
    slots = [sounds.admit() for _ in range(sessions)]
    return sounds, [SoundSession(sounds, slot, rate_hz) for slot in slots if slot is not None]


def memory_kib(engine: AnyEngine, rate_hz: int) -> float:
    """What one session more takes: rows of the state, its buffers, and its part of a call."""
    sound = speech_like(rate_hz)
    size = round(0.04 * rate_hz)

    def talked(sessions: int) -> tuple[float, object]:
        pool, seated = seats(engine, sessions, rate_hz)
        by_slot = {session.slot: session for session in seated}
        for turn in range(10):
            ready = {}
            for session in seated:
                session.push(to_float(sound[turn * size : (turn + 1) * size]))
                if (chunk := session.ready()) is not None:
                    ready[session.slot] = chunk
            for slot, answer in pool.step(ready).items():
                by_slot[slot].take(answer)
        return servers.rss_mib([os.getpid()]), (pool, seated)

    few_mib, few = talked(8)
    many_mib, many = talked(8 + MORE)
    del few, many
    return 1024 * (many_mib - few_mib) / (8 + MORE)


def run(engine: AnyEngine, sessions: int, *, chunk_s: float, rate_hz: int, seconds: float) -> Load:
    """Carries so many sessions for a while."""
    pool, seated = seats(engine, sessions, rate_hz)
    sound = speech_like(rate_hz)
    size = round(chunk_s * rate_hz)
    clients: deque[tuple[float, Session, int]] = deque()
    for index, session in enumerate(seated):
        clients.append((chunk_s * index / sessions, session, index * size))
    by_slot = {session.slot: session for _, session, _ in clients}
    lateness: list[float] = []
    batches: list[int] = []
    busy = 0.0
    began = time.perf_counter()
    while (now := time.perf_counter() - began) < WARM_UP_S + seconds:
        if clients[0][0] > now:
            time.sleep(clients[0][0] - now)
            continue
        dues: list[float] = []
        ready = {}
        while clients[0][0] <= now:
            due, session, at = clients.popleft()
            session.push(to_float(sound[at % len(sound) : at % len(sound) + size]))
            if (chunk := session.ready()) is not None:
                ready[session.slot] = chunk
            dues.append(due)
            clients.append((due + chunk_s, session, at + size))
        for slot, frames in pool.step(ready).items():
            by_slot[slot].take(frames)
        done = time.perf_counter() - began
        if now > WARM_UP_S:
            busy += done - now
            lateness += [done - due for due in dues]
            batches.append(len(ready))
        elif done > 3 * WARM_UP_S:
            break
    late = 1000 * np.array(lateness or [np.inf])
    share = busy / max(time.perf_counter() - began - WARM_UP_S, 1e-9)
    return Load(sessions, float(np.median(late)), float(np.quantile(late, 0.99)), share, float(np.mean(batches or [0])))


def capacity(engine: AnyEngine, *, chunk_s: float, rate_hz: int, seconds: float) -> Load:
    """The largest number of sessions, to within 5 %, whose p99 lateness is at most a chunk."""

    def carries(sessions: int) -> Load | None:
        """The best of a few trials: on a shared machine others take the core away now and then."""
        for _ in range(TRIALS):
            load = run(engine, sessions, chunk_s=chunk_s, rate_hz=rate_hz, seconds=seconds)
            if load.p99_ms <= 1000 * chunk_s:
                return load
        return None

    tried = run(engine, 8, chunk_s=chunk_s, rate_hz=rate_hz, seconds=1.0)
    expected = 8 / max(tried.busy, 1e-3)
    best, low, high = None, 0, max(8, int(0.6 * expected))
    while (load := carries(high)) is not None:
        best, low, high = load, high, 2 * high
    while high - low > max(1, low // 20):
        middle = (low + high) // 2
        load = carries(middle)
        best, low, high = (load, middle, high) if load is not None else (best, low, middle)
    return best or run(engine, 1, chunk_s=chunk_s, rate_hz=rate_hz, seconds=seconds)


def speech_like(rate_hz: int) -> np.ndarray:
    """Ten seconds that end with the start, so that a session may go round."""
    time_N = np.arange(10 * rate_hz) / rate_hz
    wav_N = 0.2 * np.sin(2 * np.pi * 180 * time_N) * np.clip(np.sin(2 * np.pi * 3 * time_N), 0, 1)
    pcm_N = to_int16((wav_N + 0.01 * np.random.default_rng(0).standard_normal(len(wav_N))).astype(np.float32))
    return np.concatenate([pcm_N, pcm_N[:rate_hz]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", nargs="*", metavar="BUNDLE")
    parser.add_argument("--chunk-ms", type=float, help="default: 40; 20 where sound is answered")
    parser.add_argument("--rate-hz", type=int, help="rate of the clients; default: the bundle's own")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of each trial")
    parser.add_argument("--sessions", type=int, help="try this number only, instead of searching")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bundles = [open_bundle(ref) for ref in args.bundles or [untrained(name, folder) for name in CONFIGS]]
        print("| bundle | hop ms | client Hz | chunk ms | sessions | late p50 ms | late p99 ms | busy | batch "
              "| us per chunk | KiB a session |")  # fmt: skip
        print("|---" * 11 + "|")
        for bundle in bundles:
            print(row_of(open_engine(bundle), args), flush=True)


def row_of(engine: AnyEngine, args: argparse.Namespace) -> str:
    """The figures of one bundle."""
    answers = "labels" if engine.info.sound is None else "sound"
    chunk_ms = args.chunk_ms or CHUNK_MS[answers]
    rate_hz = args.rate_hz or engine.info.sample_rate_hz
    memory = memory_kib(engine, rate_hz)
    options = {"chunk_s": chunk_ms / 1000, "rate_hz": rate_hz, "seconds": args.seconds}
    load = run(engine, args.sessions, **options) if args.sessions else capacity(engine, **options)
    cells = (
        engine.info.name,
        f"{engine.info.hop_ms:g}",
        rate_hz,
        f"{chunk_ms:g}",
        load.sessions,
        f"{load.p50_ms:.1f}",
        f"{load.p99_ms:.1f}",
        f"{load.busy:.0%}",
        f"{load.batch:.1f}",
        f"{1e6 * load.busy * options['chunk_s'] / load.sessions:.0f}",
        f"{memory:.0f}",
    )
    return f"| {' | '.join(map(str, cells))} |"


if __name__ == "__main__":
    main()
