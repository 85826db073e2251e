"""How many live sessions does one core carry? `python benchmarks/live.py BUNDLE [BUNDLE ...]`

Every session has its own clock: a chunk of int16 falls due each --chunk-ms, and the clocks are spread evenly. One
thread takes what is due, converts and buffers it, steps the pool once, and reads out the events, or takes the sound of
a bundle that answers with it (--chunk-ms 20 is what its clients send). A chunk is late by the
time from when it was due until its answer was there. The number told is the largest for which p99 of the lateness stays
within one chunk. Network and protocol are not part of this.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from dataclasses import dataclass

import numpy as np

from sonant.audio.samples import to_float, to_int16
from sonant.runtime.bundle import Bundle, open_bundle
from sonant.runtime.engine import Engine
from sonant.runtime.session import LiveSession
from sonant.runtime.slots import Pool, SlotPool
from sonant.runtime.sound_session import SoundSession
from sonant.runtime.voice_slots import VoicePool
from sonant.runtime.voices import VoiceEngine

AnyEngine = Engine | VoiceEngine
Session = LiveSession | SoundSession

WARM_UP_S = 1.0
TRIALS = 3


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


def open_engine(bundle: Bundle) -> AnyEngine:
    """On one thread."""
    return (Engine if bundle.info.extract is None else VoiceEngine)(bundle, threads=1)


def seats(engine: AnyEngine, sessions: int, rate_hz: int) -> tuple[Pool, list[Session]]:
    """A full pool; every client of an extractor follows a voice of his own."""
    if isinstance(engine, Engine):
        pool = SlotPool(engine, sessions)
        slots = [pool.admit() for _ in range(sessions)]
        return pool, [LiveSession(pool, slot, rate_hz) for slot in slots if slot is not None]
    voices = VoicePool(engine, sessions)
    voice_SE = np.random.default_rng(0).standard_normal((sessions, engine.sizes.voice_size)).astype(np.float32)
    followed = [voices.follow(voice_E) for voice_E in voice_SE]
    return voices, [SoundSession(voices, slot, rate_hz) for slot in followed if slot is not None]


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

    best, low, high = None, 0, 8
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
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE")
    parser.add_argument("--chunk-ms", type=float, default=40.0)
    parser.add_argument("--rate-hz", type=int, help="rate of the clients; default: the bundle's own")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each trial")
    parser.add_argument("--sessions", type=int, help="try this number only, instead of searching")
    args = parser.parse_args()
    print("| bundle | hop ms | client Hz | sessions | late p50 ms | late p99 ms | busy | batch | us per chunk |")
    print("|---|---|---|---|---|---|---|---|---|")
    for ref in args.bundles:
        engine = open_engine(open_bundle(ref))
        options = {
            "chunk_s": args.chunk_ms / 1000,
            "rate_hz": args.rate_hz or engine.info.sample_rate_hz,
            "seconds": args.seconds,
        }
        load = run(engine, args.sessions, **options) if args.sessions else capacity(engine, **options)
        per_chunk = 1e6 * load.busy * options["chunk_s"] / load.sessions
        cells = (
            engine.info.id,
            f"{engine.info.hop_ms:g}",
            options["rate_hz"],
            load.sessions,
            f"{load.p50_ms:.1f}",
            f"{load.p99_ms:.1f}",
            f"{load.busy:.0%}",
            f"{load.batch:.1f}",
            f"{per_chunk:.0f}",
        )
        print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
