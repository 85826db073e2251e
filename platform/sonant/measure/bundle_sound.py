"""What answering with sound costs on this machine: a whole recording, a reference, and steps of one live stream."""

from __future__ import annotations

from functools import partial

import numpy as np

from sonant.measure.latency import Latency, of_call
from sonant.runtime.scores import Floats
from sonant.runtime.sounds import NOTHING, Held, SoundEngine
from sonant.runtime.voices import VOICE, VoiceEngine

_REFERENCE_S = 5.0
_STEP_MS = 20.0
"""What live clients send at a time, where the hop is shorter."""


def costs(engine: SoundEngine, runs: int) -> dict[str, Latency]:
    """Times by what is done. `step` is one hop, `step_20ms` as many hops as make up 20 ms, at least one."""
    rate_hz, seconds, few = engine.info.sample_rate_hz, engine.info.clip_s, max(3, runs // 10)
    times: dict[str, Latency] = {}
    what, held = "recording", NOTHING
    if isinstance(engine, VoiceEngine):
        reference = [_noise(round(_REFERENCE_S * rate_hz))]
        times["enroll"] = of_call(partial(engine.enroll, reference), audio_s=_REFERENCE_S, runs=few, warmup=1)
        what, held = "mixture", {VOICE: engine.enroll(reference)[None]}
    wav_BN = _noise(round(seconds * rate_hz))[None]
    times[what] = of_call(partial(engine.whole, wav_BN, held), audio_s=seconds, runs=few, warmup=1)
    if engine.live:
        hops = max(1, round(_STEP_MS * rate_hz / 1000 / engine.hop))
        times |= {"step": _steps(engine, 1, held, runs), "step_20ms": _steps(engine, hops, held, runs)}
    return times


def state_bytes(engine: SoundEngine) -> int:
    """What one live stream holds between steps."""
    return sum(value.nbytes for value in engine.init_state(1).values()) if engine.live else 0


def _steps(engine: SoundEngine, hops: int, held: Held, runs: int) -> Latency:
    """One chunk after another of one stream, its state carried on as a server does."""
    state, chunk_BN = engine.init_state(1), _noise(hops * engine.hop)[None]

    def step() -> None:
        nonlocal state
        _, state = engine.advance(chunk_BN, state, held)

    return of_call(step, audio_s=chunk_BN.shape[1] / engine.info.sample_rate_hz, runs=max(runs, 50))


def _noise(samples: int) -> Floats:
    return (0.1 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)
