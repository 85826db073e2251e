"""What a bundle costs on this machine: size, speed, memory, and the execution provider that really runs.

One clip (or recording, reference, mixture) at a time and one live stream, on one thread: what a session or a request
takes from a core. The machine should be quiet; percentiles tell how quiet it was.
"""

from __future__ import annotations

import resource
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from models.classify.base import Classifier
from models.classify.embedder import Embedder
from models.spec import create
from sonant.measure import bundle_sound, macs, params
from sonant.measure.evaluate import config_of
from sonant.measure.latency import Latency, of_call
from sonant.runtime.bundle import Bundle, open_bundle
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.engine import Engine
from sonant.runtime.sounds import SoundEngine
from sonant.runtime.voices import VoiceEngine

_HOPS = 50
_MIB = 1 << 20


def measure(bundle_ref: str, *, runs: int = 200) -> dict[str, Any]:
    """Measures a bundle; the result is ready for JSON."""
    before_mib = _resident_mib()
    bundle = open_bundle(bundle_ref)
    engine, times = (_clips if bundle.info.sound is None else _sound)(bundle, runs)
    after_mib = _resident_mib()
    return {
        "model": engine.info.id,
        **_size(bundle),
        "provider": engine.provider,
        "threads": 1,
        **times,
        "memory": {
            "bundle_mib": round(after_mib - before_mib, 1),
            "process_peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        },
    }


def _size(bundle: Bundle) -> dict[str, Any]:
    """Parameters and multiply-accumulates from the config, bytes from the files."""
    model = create(config_of(bundle).model).eval()
    if bundle.info.embed is not None:
        assert isinstance(model, Classifier), "embedders are made of classifiers"
        model = Embedder(model)
    cost = macs.of_model(model, bundle.info.clip_s)
    return {
        "params": params.of_model(model),
        "macs_per_s": cost.network,
        "feature_macs_per_s": cost.features,
        "bytes": {name: bundle.file(name).stat().st_size for name in sorted(bundle.info.files)},
    }


def _clips(bundle: Bundle, runs: int) -> tuple[Engine, dict[str, Any]]:
    engine = Engine(bundle)
    step = None if engine.info.hop is None else _step(engine, runs)
    return engine, {"clip": _clip(engine, runs), "step": step}


def _sound(bundle: Bundle, runs: int) -> tuple[SoundEngine, dict[str, Any]]:
    engine = EnhanceEngine(bundle) if bundle.info.extract is None else VoiceEngine(bundle)
    times = {name: _told(latency) for name, latency in bundle_sound.costs(engine, runs).items()}
    return engine, times | {"state_bytes": bundle_sound.state_bytes(engine)}


def _clip(engine: Engine, runs: int) -> dict[str, float]:
    seconds = engine.info.clip_s
    wav_BN = _noise(round(seconds * engine.info.sample_rate_hz))
    return _told(of_call(lambda: engine.logits(wav_BN), audio_s=seconds, runs=runs))


def _step(engine: Engine, runs: int) -> dict[str, float]:
    """One hop after another of one stream, its state carried on as a server does."""
    state = engine.init_state(1)
    chunk_BN = _noise(engine.hop)

    def step() -> None:
        nonlocal state
        _, state = engine.step(chunk_BN, state)

    told = _told(of_call(step, audio_s=engine.hop / engine.info.sample_rate_hz, runs=max(runs, _HOPS)))
    return told | {"state_bytes": sum(value.nbytes for value in state.values())}


def _told(latency: Latency) -> dict[str, float]:
    rounded = {name: round(value, 4) for name, value in asdict(latency).items()}
    return rounded | {"real_time_factor": round(latency.real_time_factor, 6)}


def _noise(samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal((1, samples))).astype(np.float32)


def _resident_mib() -> float:
    """Memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / _MIB
