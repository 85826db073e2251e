"""How well speech is found, and what it costs: our detectors beside silero-vad and energy, on the same frames.

    python benchmarks/detect.py [BUNDLE ...] --manifest DATA/manifest.csv --spans DATA/vad_labels.csv \\
        [--datasets ami_vad emodb] [--silero silero_vad.onnx] [--rounds 7]

Give one bundle for each fold. A bundle whose config leaves speakers of a dataset out is judged on their recordings
only, and one that names none of a dataset's speakers on all of it: it must not have been trained there. Frames of all
bundles are pooled, and the other systems judge the same frames, each as often as our bundles do. silero-vad is
`pip install silero-vad --no-deps` (its graph runs in onnxruntime, its Python code is not used).

Rounds visit every system in turn and the fastest round counts, so other load on the machine hurts all alike.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from sonant.audio.decode import decode_path
from sonant.config.prepare import PrepareSpans
from sonant.data.corpora import spans
from sonant.data.source import Span
from sonant.data.targets import FrameGrid
from sonant.errors import ConfigError
from sonant.measure.evaluate import config_of
from sonant.metrics import roc
from sonant.metrics.bootstrap import interval
from sonant.runtime import frames
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine
from sonant.runtime.frames import FrameLayout

Floats = NDArray[np.float32]

RATE_HZ = 16_000
FRAME_S = 0.02
"""What everybody is judged on."""
LABEL = "speech"
GRID = FrameGrid(
    FrameLayout.of(round(FRAME_S * RATE_HZ), RATE_HZ, delay_ms=0, causal=True, window_s=30, context_s=0),
    (LABEL,),
    RATE_HZ,
)
LONGEST_S = 3600.0
AT_ONCE = 8
SOUND_S = 20.0
"""What is streamed in each round of the timing."""


@dataclass(frozen=True)
class Recording:
    """One recording and where speech is in it."""

    path: str
    speaker: str
    spans: Sequence[Span]

    def wav(self, rate_hz: int) -> Floats:
        return _decoded(self.path, rate_hz)


@cache
def _decoded(path: str, rate_hz: int) -> Floats:
    return decode_path(path, rate_hz=rate_hz, max_s=LONGEST_S)


def recordings(manifest: str, table: str, dataset: str) -> list[Recording]:
    """The recordings of a dataset; in one without a row in the table of spans, nobody speaks."""
    config = PrepareSpans(manifest=manifest, spans=table, dataset=dataset, out="-", splits={"dev": ""})
    return [Recording(str(clip.job["url"]), clip.speaker, clip.spans or []) for clip in spans.plan(config).clips]


# ---- who is compared ------------------------------------------------------------------------------------------------

Scorer = Callable[[Recording], tuple[Floats, float]]
"""Scores of a recording, one every so many seconds."""
Stepper = Callable[[Floats], None]
"""Hears the next samples of a stream."""


def energy(smooth_s: float) -> Scorer:
    """Level in dB of each frame, averaged over a window around it."""

    def score(recording: Recording) -> tuple[Floats, float]:
        wav_N = recording.wav(RATE_HZ)
        frame = GRID.layout.frame
        wav_TF = np.pad(wav_N, (0, -len(wav_N) % frame)).reshape(-1, frame)
        power_T = np.mean(wav_TF.astype(np.float64) ** 2, axis=1)
        size = max(1, round(smooth_s / FRAME_S))
        within_T, summed_T = (np.convolve(row_T, np.ones(size), "same") for row_T in (np.ones(len(power_T)), power_T))
        return (10 * np.log10(summed_T / within_T + 1e-10)).astype(np.float32), FRAME_S

    return score


class Silero:
    """silero-vad at 16 kHz: 512 new samples with the 64 before them, a state, and a probability for each chunk."""

    CHUNK, CONTEXT = 512, 64

    def __init__(self, path: str) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._rate = np.array(RATE_HZ, np.int64)
        self.reset()

    def reset(self) -> None:
        self._state = np.zeros((2, 1, 128), np.float32)
        self._before_1N = np.zeros((1, self.CONTEXT), np.float32)

    def step(self, chunk_N: Floats) -> float:
        wav_1N = np.concatenate([self._before_1N, chunk_N[None]], axis=1)
        told, self._state = self._session.run(None, {"input": wav_1N, "state": self._state, "sr": self._rate})
        self._before_1N = wav_1N[:, -self.CONTEXT :]
        return float(np.asarray(told)[0, 0])

    def __call__(self, recording: Recording) -> tuple[Floats, float]:
        self.reset()
        wav_N = recording.wav(RATE_HZ)
        wav_TN = np.pad(wav_N, (0, -len(wav_N) % self.CHUNK)).reshape(-1, self.CHUNK)
        return np.array([self.step(chunk_N) for chunk_N in wav_TN], np.float32), self.CHUNK / RATE_HZ


class Ours:
    """A bundle, judging whole recordings in windows as a server does."""

    def __init__(self, ref: str) -> None:
        bundle = open_bundle(ref)
        self.engine, self.split = Engine(bundle, threads=1), config_of(bundle).data.split
        info = bundle.info
        if info.detect is None or LABEL not in info.labels:
            raise ConfigError("config.invalid", f"{info.id} detects no {LABEL!r}")
        self.layout, self.label = info.detect.layout, info.labels.index(LABEL)

    def judges(self, listed: Sequence[Recording]) -> list[Recording]:
        """The recordings that its training left out: all, where it names none of the speakers."""
        left_out = set(self.split.speakers) if self.split.kind == "leave_out" else set[str]()
        return [one for one in listed if one.speaker in left_out] or list(listed)

    def __call__(self, recording: Recording) -> tuple[Floats, float]:
        rate_hz = self.engine.info.sample_rate_hz
        wav_N = recording.wav(rate_hz)
        wav_WN = frames.windows(self.layout, wav_N)
        parts = [self.engine.logits(wav_WN[start : start + AT_ONCE]) for start in range(0, len(wav_WN), AT_ONCE)]
        logits_TK = frames.join(self.layout, np.concatenate(parts), len(wav_N))
        return logits_TK[:, self.label], self.layout.frame / rate_hz

    def stepper(self) -> Stepper:
        state = self.engine.init_state(1)

        def step(chunk_N: Floats) -> None:
            nonlocal state
            _, state = self.engine.step(chunk_N[None], state)

        return step


# ---- how well -------------------------------------------------------------------------------------------------------


def on_grid(score_T: Floats, every_s: float, count: int) -> Floats:
    """The score that holds in the middle of each of the common frames."""
    middle_T = (np.arange(count) + 0.5) * FRAME_S
    return score_T[np.minimum((middle_T / every_s).astype(np.int64), len(score_T) - 1)]


@dataclass(frozen=True)
class Frames:
    """Frames of recordings, pooled: scores, whether there is speech, and which recording each is of."""

    score_N: Floats
    speech_N: NDArray[np.uint8]
    row_N: NDArray[np.int64]

    def figures(self) -> dict[str, float]:
        curve = roc.det(self.score_N, self.speech_N)
        low, high = interval(
            lambda at: roc.auc(roc.det(self.score_N[at], self.speech_N[at])),
            len(self.row_N),
            groups_N=self.row_N.tolist(),
            draws=200,
        )
        return {"auc": roc.auc(curve), "low": low, "high": high, "eer": roc.equal_error(curve)[0]}


def pooled(judged: Sequence[tuple[Scorer, Recording]]) -> Frames:
    """Every recording by the scorer beside it."""
    numbers = {path: number for number, path in enumerate(sorted({one.path for _, one in judged}))}
    columns: list[tuple[Floats, NDArray[np.uint8], NDArray[np.int64]]] = []
    for scorer, one in judged:
        speech_T = GRID.whole(one.spans, len(one.wav(RATE_HZ)))[:, 0]
        score_T = on_grid(*scorer(one), len(speech_T))
        columns.append((score_T, speech_T, np.full(len(speech_T), numbers[one.path])))
    score_N, speech_N, row_N = (np.concatenate(column) for column in zip(*columns, strict=True))
    return Frames(score_N, speech_N, row_N)


def quality(
    dataset: str, ours: Sequence[Ours], others: Mapping[str, Scorer], listed: Sequence[Recording]
) -> Iterator[str]:
    """The table of one dataset."""
    yield f"\n| {dataset} | recordings | s | speech % | AUC (95 %, over recordings) | EER % |"
    yield "|---|---|---|---|---|---|"
    judged = [(scorer, one) for scorer in ours for one in scorer.judges(listed)]
    asked = [one for _, one in judged] or list(listed)
    rows: dict[str, Sequence[tuple[Scorer, Recording]]] = {"ours, all bundles": judged} if judged else {}
    for number, scorer in enumerate(ours, 1) if len(ours) > 1 else ():
        rows[f"ours, {number}: {scorer.engine.info.id}"] = [(scorer, one) for one in scorer.judges(listed)]
    rows |= {name: [(scorer, one) for one in asked] for name, scorer in others.items()}
    for name, pairs in rows.items():
        found = pooled(pairs)
        figures = found.figures()
        share, seconds = found.speech_N.mean(), FRAME_S * len(found.row_N)
        told = f"{figures['auc']:.3f} ({figures['low']:.3f} to {figures['high']:.3f}) | {100 * figures['eer']:.1f}"
        yield f"| {name} | {len(set(found.row_N.tolist()))} | {seconds:.0f} | {100 * share:.0f} | {told} |"
    for scorer in ours:
        if len(scorer.judges(listed)) == len(listed):
            yield f"\n{scorer.engine.info.id} names no speaker of {dataset} to leave out: it is judged on all of it."


# ---- how fast -------------------------------------------------------------------------------------------------------


def speed(ours: Sequence[Ours], silero: Silero | None, rounds: int) -> Iterator[str]:
    """Rows of real-time factors: steps of one hop, and of 40 ms."""
    runs: dict[tuple[str, str], tuple[Stepper, int, int]] = {}
    for scorer in ours[:1]:  # folds have the same network
        hop, rate_hz = scorer.engine.hop, scorer.engine.info.sample_rate_hz
        for hops in dict.fromkeys((1, max(1, round(0.04 * rate_hz / hop)))):
            key = (scorer.engine.info.id, f"{1000 * hops * hop / rate_hz:g} ms")
            runs[key] = (scorer.stepper(), hops * hop, rate_hz)
    if silero is not None:
        runs["silero-vad", "32 ms, its only step"] = (lambda chunk_N: void(silero.step(chunk_N)), Silero.CHUNK, RATE_HZ)
    for chunk_ms in (20, 40):
        size = chunk_ms * RATE_HZ // 1000
        runs["energy", f"{chunk_ms} ms"] = (lambda chunk_N: void(np.log10(chunk_N @ chunk_N)), size, RATE_HZ)
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(rounds):
        for key, (step, size, rate_hz) in runs.items():
            best[key] = min(best[key], took(step, size, rate_hz))
    for (name, chunk), seconds in best.items():
        yield f"| {name} | {chunk} | {seconds / SOUND_S:.5f} |"


def took(step: Stepper, size: int, rate_hz: int) -> float:
    """Seconds for a stream of SOUND_S."""
    noise_N = (0.05 * np.random.default_rng(0).standard_normal(round(SOUND_S * rate_hz))).astype(np.float32)
    chunks = [noise_N[start : start + size] for start in range(0, len(noise_N) - size + 1, size)]
    start = time.perf_counter()
    for chunk_N in chunks:
        step(chunk_N)
    return (time.perf_counter() - start) * len(noise_N) / (len(chunks) * size)


def void(_: Any) -> None:
    pass


def silero_path(given: str | None) -> str | None:
    """The graph that was named, or that of the installed package."""
    if given is not None:
        return given
    found = find_spec("silero_vad")
    return str(Path(found.origin).parent / "data" / "silero_vad.onnx") if found and found.origin else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="*", metavar="BUNDLE")
    parser.add_argument("--manifest", required=True)
    parser.add_argument("--spans", required=True, help="the table of path, start_s, end_s, label")
    parser.add_argument("--datasets", nargs="+", default=["ami_vad", "emodb"])
    parser.add_argument("--silero", help="silero_vad.onnx, where the package is not installed")
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    ours = [Ours(ref) for ref in args.bundles]
    path = silero_path(args.silero)
    silero = Silero(path) if path is not None else None
    others: dict[str, Scorer] = {"silero-vad": silero} if silero is not None else {}
    others |= {"energy, 20 ms": energy(FRAME_S), "energy, 100 ms": energy(0.1)}
    for dataset in args.datasets:
        for row in quality(dataset, ours, others, recordings(args.manifest, args.spans, dataset)):
            print(row, flush=True)
    print("\n| one thread | step | real-time factor |\n|---|---|---|")
    for row in speed(ours, silero, args.rounds):
        print(row, flush=True)
    if silero is None:
        print("\nsilero-vad was not found: pip install silero-vad --no-deps, or --silero PATH")


if __name__ == "__main__":
    main()
