"""What extraction costs and how good it is: the causal network beside the research system's windows of 300 ms.

    python benchmarks/extract.py cost [--rounds 20]              one thread, torch and onnxruntime, all in turns
    python benchmarks/extract.py bundle FOLDER                   an untrained bundle of the network that ships
    python benchmarks/extract.py long BUNDLE [--minutes 30]      a stream of silence, clipped sound and speech
    python benchmarks/extract.py quality SHARED_DATA [--budget-s 600] [--systems a,b] [--seeds 0,1,2]
    python benchmarks/extract.py table                           what `quality` found, as markdown

Costs do not depend on what a network knows: they are of fresh weights, and want a quiet machine. Sessions a core:
`python benchmarks/live.py BUNDLE --chunk-ms 20`. `quality` takes hours and goes on where it was stopped (see
extract_quality.py).
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import extract_quality
import numpy as np
import torch

from models.extract.base import LiveExtractor
from models.spec import create, parse
from sonant.config.experiment import Experiment
from sonant.config.load import load
from sonant.export.onnx_extract import extract_graphs
from sonant.measure import macs, params
from sonant.metrics.bootstrap import interval
from sonant.runtime.bundle import open_bundle
from sonant.runtime.graph import StepGraph, initial_state
from sonant.runtime.sound_session import SoundSession
from sonant.runtime.voice_slots import VoicePool
from sonant.runtime.voices import VoiceEngine

RATE_HZ = 16_000
WIDTHS = {"channels": 128, "hidden": 256, "voice_size": 128, "stacks": 3, "blocks": 6}
"""Those of the network that ships; the research system has 256/512 or 192/384 in four stacks."""
NONE = {"kind": "none"}
FIRST = "windows of 300 ms, half overlapping"
SYSTEMS: dict[str, tuple[dict[str, Any], float]] = {
    FIRST: ({"kind": "spexplus_short", **WIDTHS, "extra_pointwise": False, "memory": NONE}, 150.0),
    "the same with the research system's extra layer": ({"kind": "spexplus_short", **WIDTHS, "memory": NONE}, 150.0),
    "the same without overlap": (
        {"kind": "spexplus_short", **WIDTHS, "extra_pointwise": False, "memory": NONE,
         "segment": {"mode": "nonintersec"}}, 300.0,
    ),
    "causal, the same frames of 2.5 ms": (
        {"kind": "causal_extractor", **WIDTHS, "memory": NONE, "latency_ms": 2.5, "hops_per_frame": 2,
         "basis": {"kind": "learned", "filters": WIDTHS["channels"]}}, 20.0,
    ),
    "causal, frames of 20 ms": ({"kind": "causal_extractor", **WIDTHS, "memory": NONE}, 20.0),
    "causal, as it ships": ({"kind": "causal_extractor"}, 20.0),
}  # fmt: skip
"""Networks, and the sound in ms that a live call of them takes; all memories off, but in the last."""


class Stream(NamedTuple):
    """One live stream of a system in one runtime."""

    step: Callable[[], float]
    """Takes the next chunk; gives the seconds it took."""
    audio_s: float


def cost(rounds: int) -> str:
    """Markdown: all systems take turns, a second of sound each; ratios are of median times in the same round."""
    streams: dict[tuple[str, str], Stream] = {}
    told: dict[str, tuple[int, float, float]] = {}
    for name, (data, chunk_ms) in SYSTEMS.items():
        torch.manual_seed(0)
        model = create(parse(data)).eval()
        assert isinstance(model, LiveExtractor)
        delay_ms = 1000 * (model.hop + model.latency) / model.sample_rate_hz
        told[name] = params.of_model(model), macs.of_model(model).network / 1e9, delay_ms
        samples = round(chunk_ms * RATE_HZ / 1000 / model.hop) * model.hop
        streams[name, "torch"] = in_torch(model, samples)
        streams[name, "onnxruntime"] = in_onnx(model, samples)
    seconds: dict[tuple[str, str], list[list[float]]] = {key: [] for key in streams}
    for _ in range(rounds + 1):  # the first is to warm up
        for key, stream in streams.items():
            steps = max(1, round(1.0 / stream.audio_s))
            seconds[key].append([stream.step() / stream.audio_s for _ in range(steps)])
    head = "| system | parameters | GMAC/s | delay ms | runtime | real-time factor | p50 ms | p99 ms | times as fast |"
    lines = [head, "|---" * 9 + "|"]
    for (name, runtime), by_round in seconds.items():
        base_R = np.array([np.median(each) for each in seconds[FIRST, runtime][1:]])
        ratio_R = base_R / np.array([np.median(each) for each in by_round[1:]])
        low, high = interval(lambda index, ratio_R=ratio_R: float(np.median(ratio_R[index])), len(ratio_R))
        call_ms = 1000 * streams[name, runtime].audio_s * np.concatenate(by_round[1:])
        size, gmac, delay_ms = told[name]
        p50, p99 = np.quantile(call_ms, (0.5, 0.99))
        factor = p50 / (1000 * streams[name, runtime].audio_s)
        lines.append(
            f"| {name} | {size:,} | {gmac:.2f} | {delay_ms:g} | {runtime} | {factor:.3f} | {p50:.2f} | {p99:.2f} "
            f"| {np.median(ratio_R):.2f} [{low:.2f}, {high:.2f}] |"
        )
    return "\n".join(lines)


def in_torch(model: LiveExtractor, samples: int) -> Stream:
    chunk_BN, voice_BE, state = 0.1 * torch.randn(1, samples), torch.randn(1, model.voice_size), model.init_state(1)

    @torch.inference_mode()
    def step() -> float:
        nonlocal state
        began = time.perf_counter()
        _, state = model.step(chunk_BN, state, voice_BE)
        return time.perf_counter() - began

    return Stream(step, samples / RATE_HZ)


def in_onnx(model: LiveExtractor, samples: int) -> Stream:
    graph = extract_graphs(model)["step"]
    session, state = StepGraph(graph.data, graph.info.state), initial_state(graph.info.state, 1)
    feeds = {"chunk": noise(1, samples), "voice": noise(1, model.voice_size)}
    if model.one_hop:
        assert samples == model.hop, "this graph takes one hop at a time"

    def step() -> float:
        nonlocal state
        began = time.perf_counter()
        _, state = session.advance(feeds, state)
        return time.perf_counter() - began

    return Stream(step, samples / RATE_HZ)


def untrained_bundle(folder: str) -> None:
    """The network of extract/causal with fresh weights, proven like any other: what it costs is what a trained one
    costs."""
    from sonant.export.bundle import publish, seal
    from sonant.export.export import Trained, make, nameless

    config: Experiment = load(Experiment, "extract/causal", ["data.labels=[a,b]", "model.speakers=2"])
    torch.manual_seed(0)
    model, config = nameless(create(config.model).eval(), config)
    trained = Trained(model=model, config=config, labels=(), metrics={"test.si_sdri": 0.0}, run="untrained")
    publish(seal(*make(trained)), folder)


def long_stream(bundle: str, minutes: float) -> str:
    """One session hears stretches of nothing, of faint noise, of clipped sound and of speech-like sound, in chunks of
    20 ms, as a server would give them; tells whether all that came out is finite, how fast, and how memory grew."""
    engine = VoiceEngine(open_bundle(bundle))
    rate_hz, random = engine.info.sample_rate_hz, np.random.default_rng(0)
    pool = VoicePool(engine, 4)
    slot = pool.follow(engine.enroll([speech(random, 3 * rate_hz, rate_hz)]))
    assert slot is not None
    session, chunk = SoundSession(pool, slot, rate_hz), rate_hz // 50
    sounds = (
        lambda samples: np.zeros(samples, np.float32),
        lambda samples: (1e-4 * random.standard_normal(samples)).astype(np.float32),
        lambda samples: np.sign(random.standard_normal(samples)).astype(np.float32),
        partial(speech, random, rate_hz=rate_hz),
    )
    warm_mib, largest, times = 0.0, 0.0, []
    total = round(minutes * 60)
    for second in range(total):
        wav_N = sounds[(second // 5) % len(sounds)](rate_hz)
        for start in range(0, rate_hz, chunk):
            began = time.perf_counter()
            session.push(wav_N[start : start + chunk])
            ready = session.ready()
            heard = pool.step({slot: ready}) if ready is not None else {}
            given = [session.take(each) for each in heard.values()]
            times.append(time.perf_counter() - began)
            for out_N in given:
                assert np.isfinite(out_N).all(), f"not finite after {second} s"
                largest = max(largest, float(np.abs(out_N).max(initial=0)))
        if second == min(30, total // 2):
            warm_mib = resident_mib()
    grown = resident_mib() - warm_mib - len(times) * 32 / (1 << 20)
    late = 1000 * np.quantile(times, (0.5, 0.99, 1.0))
    return (
        f"{minutes:g} minutes: finite, largest sample {largest:.2f}, {session.given:,} samples of {total * rate_hz:,}; "
        f"memory grew by {grown:.1f} MiB after the first half minute; a chunk of 20 ms took {late[0]:.2f} ms "
        f"(p99 {late[1]:.2f}, longest {late[2]:.2f}), real-time factor {sum(times) / total:.3f}"
    )


def speech(random: np.random.Generator, samples: int, rate_hz: int) -> np.ndarray:
    """A voice of sorts: harmonics that rise and fall in pitch and level, four syllables a second."""
    time_N = np.arange(samples) / rate_hz
    phase_N = 2 * np.pi * np.cumsum(random.uniform(90, 220) * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * time_N))) / rate_hz
    wav_N = sum(np.sin(k * phase_N) / k for k in range(1, 12))
    return (0.1 * wav_N * np.clip(np.sin(2 * np.pi * 4 * time_N), 0, 1)).astype(np.float32)


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def noise(*shape: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="what", required=True)
    verbs.add_parser("cost").add_argument("--rounds", type=int, default=20)
    verbs.add_parser("bundle").add_argument("folder")
    words = verbs.add_parser("long")
    words.add_argument("bundle")
    words.add_argument("--minutes", type=float, default=30.0)
    extract_quality.words(verbs.add_parser("quality"))
    verbs.add_parser("table")
    args = parser.parse_args()
    torch.set_num_threads(1)
    match args.what:
        case "cost":
            print(cost(args.rounds))
        case "bundle":
            untrained_bundle(args.folder)
        case "long":
            print(long_stream(args.bundle, args.minutes))
        case "quality":
            extract_quality.quality(args)
        case _:
            print(extract_quality.table())


if __name__ == "__main__":
    main()
