"""What an extractor costs on this machine: a reference, a whole mixture, and steps of one live mixture."""

from __future__ import annotations

from functools import partial

import numpy as np

from sonant.measure.latency import Latency, of_call
from sonant.runtime.scores import Floats
from sonant.runtime.voices import VoiceEngine

_REFERENCE_S = 5.0
_STEP_MS = 20.0
"""What live clients send at a time, where the hop is shorter."""


def costs(engine: VoiceEngine, runs: int) -> dict[str, Latency]:
    """Times by what is done. `step` is one hop, `step_20ms` as many hops as make up 20 ms, at least one."""
    rate_hz = engine.info.sample_rate_hz
    reference = [_noise(round(_REFERENCE_S * rate_hz))]
    mix_N, voice_E = _noise(round(engine.info.clip_s * rate_hz)), engine.enroll(reference)
    few = max(3, runs // 10)
    times = {
        "enroll": of_call(partial(engine.enroll, reference), audio_s=_REFERENCE_S, runs=few, warmup=1),
        "mixture": of_call(partial(engine.extract, mix_N, voice_E), audio_s=engine.info.clip_s, runs=few, warmup=1),
    }
    if engine.live:
        hops = max(1, round(_STEP_MS * rate_hz / 1000 / engine.hop))
        times |= {"step": _steps(engine, 1, voice_E, runs), "step_20ms": _steps(engine, hops, voice_E, runs)}
    return times


def state_bytes(engine: VoiceEngine) -> int:
    """What one live mixture holds between steps."""
    return sum(value.nbytes for value in engine.init_state(1).values()) if engine.live else 0


def _steps(engine: VoiceEngine, hops: int, voice_E: Floats, runs: int) -> Latency:
    """One chunk after another of one stream, its state carried on as a server does."""
    state, chunk_BN = engine.init_state(1), _noise(hops * engine.hop)[None]

    def step() -> None:
        nonlocal state
        _, state = engine.step(chunk_BN, voice_E[None], state)

    return of_call(step, audio_s=chunk_BN.shape[1] / engine.info.sample_rate_hz, runs=max(runs, 50))


def _noise(samples: int) -> Floats:
    return (0.1 * np.random.default_rng(0).standard_normal(samples)).astype(np.float32)
