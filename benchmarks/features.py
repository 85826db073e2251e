"""What features cost, by transform and by runtime, side by side on one thread.

    python benchmarks/features.py [--rounds 20] [--seconds 10] [--batch 64]

Rounds visit every variant in turn and the fastest round counts, so other load on the machine hurts all alike.
"""

from __future__ import annotations

import argparse
import io
import os
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import onnxruntime as ort
import torch
from torch import Tensor, nn
from torch.export import Dim

from models.features import Extractor, FeatureConfig
from models.frontend.stft import Dft
from models.streaming import State

FRONT_ENDS: dict[str, dict[str, Any]] = {
    "log-mel 30/10 ms, n_fft 512": {},
    "log-mel 30/10 ms, n_fft 480": {"n_fft": 480},
    "log-mel 25/10 ms, n_fft 512": {"window_ms": 25},
    "log-mel 25/10 ms, n_fft 400": {"window_ms": 25, "n_fft": 400},
    "log-mel 32/10 ms, n_fft 512": {"window_ms": 32},
    "mfcc 30/10 ms + 2 deltas": {"kind": "mfcc", "deltas": 2},
    "PCEN mel 30/10 ms": {"compress": "pcen"},
}

Run = Callable[[], object]


class Step(nn.Module):
    """One streaming step as a graph: forward(chunk, state)."""

    def __init__(self, extractor: Extractor) -> None:
        super().__init__()
        self.extractor = extractor

    def forward(self, chunk_BN: Tensor, state: State) -> tuple[Tensor, State]:
        return self.extractor.step(chunk_BN, state)


def fastest_ms(runs: Mapping[str, Run], rounds: int) -> dict[str, float]:
    best = dict.fromkeys(runs, float("inf"))
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            best[name] = min(best[name], (time.perf_counter() - start) * 1e3)
    return best


def build(options: dict[str, Any], dft: Dft, causal: bool = False) -> Extractor:
    extractor = Extractor(FeatureConfig(**options), causal)
    extractor.switch_dft(dft)
    return extractor.eval()


def session(model: nn.Module, args: tuple[Any, ...], shapes: Any, names: list[str]) -> ort.InferenceSession:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        program = torch.onnx.export(
            model.eval(), args, input_names=names, dynamic_shapes=shapes, dynamo=True, opset_version=18, verbose=False
        )
    assert program is not None
    graph = io.BytesIO()
    program.save(graph)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(graph.getvalue(), options, providers=["CPUExecutionProvider"])


def whole_clip(extractor: Extractor, wav_BN: Tensor) -> Run:
    """The whole-clip graph in onnxruntime."""
    shapes = ({0: Dim("batch"), 1: Dim("samples", min=3200)},)
    graph = session(extractor, (torch.randn(2, 16000),), shapes, ["wav"])
    feed = {"wav": wav_BN.numpy()}
    return lambda: graph.run(None, feed)


def one_step(extractor: Extractor, rows: int, frames: int) -> Run:
    """The step graph in onnxruntime."""
    state = extractor.init_state(rows)
    chunk_BN = torch.randn(rows, frames * extractor.hop) * 0.1
    shapes = ({0: Dim("rows"), 1: extractor.hop * Dim("frames", max=4096)}, {name: {0: Dim("rows")} for name in state})
    example = (torch.randn(2, 3 * extractor.hop), extractor.init_state(2))
    # A dict in last place would be taken for keyword arguments: an empty one after it is.
    graph = session(Step(extractor), (*example, {}), shapes, ["chunk", *state])
    feed = {"chunk": chunk_BN.numpy(), **{name: value.numpy() for name, value in state.items()}}
    return lambda: graph.run(None, feed)


def training(options: dict[str, Any], dft: Dft, wav_BN: Tensor) -> Run:
    """Forward and backward, as a training step runs them."""
    extractor = build(options, dft)

    def run() -> None:
        wav = wav_BN.clone().requires_grad_()
        extractor(wav).square().mean().backward()

    return run


def table(title: str, columns: list[str], cells: Callable[[str, dict[str, Any]], dict[str, Run]], rounds: int) -> None:
    print(f"\n### {title}\n\n| front end | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}", flush=True)
    for name, options in FRONT_ENDS.items():
        best = fastest_ms(cells(name, options), rounds)
        print(f"| {name} | {' | '.join(f'{best[column]:.2f}' for column in columns)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the clip in onnxruntime")
    parser.add_argument("--batch", type=int, default=64, help="1 s clips in a PyTorch batch")
    args = parser.parse_args()
    torch.set_num_threads(1)
    batch_BN = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (args.batch, 16000)).astype(np.float32))
    clip_BN = torch.randn(1, int(args.seconds * 16000)) * 0.1

    def torch_cells(_: str, options: dict[str, Any]) -> dict[str, Run]:
        fft, conv, causal = build(options, "fft"), build(options, "conv"), build(options, "fft", causal=True)
        return {
            "fft": torch.no_grad()(lambda: fft(batch_BN)),
            "conv": torch.no_grad()(lambda: conv(batch_BN)),
            "causal fft": torch.no_grad()(lambda: causal(batch_BN)),
            "fft + backward": training(options, "fft", batch_BN),
            "conv + backward": training(options, "conv", batch_BN),
        }

    def clip_cells(_: str, options: dict[str, Any]) -> dict[str, Run]:
        return {
            "STFT op": whole_clip(build(options, "fft"), clip_BN),
            "conv": whole_clip(build(options, "conv"), clip_BN),
            "causal conv": whole_clip(build(options, "conv", causal=True), clip_BN),
        }

    def step_cells(_: str, options: dict[str, Any]) -> dict[str, Run]:
        extractor = build(options, "conv", causal=True)
        eager, state = build(options, "fft", causal=True), extractor.init_state(1)
        chunk_BN = clip_BN[:, : extractor.hop]
        return {
            "ORT 1 row, 1 hop": one_step(extractor, 1, 1),
            "ORT 1 row, 10 hops": one_step(extractor, 1, 10),
            "ORT 16 rows, 1 hop": one_step(extractor, 16, 1),
            "torch fft 1 row, 1 hop": torch.no_grad()(lambda: eager.step(chunk_BN, state)),
        }

    columns = ["fft", "conv", "causal fft", "fft + backward", "conv + backward"]
    table(f"PyTorch, ms per batch of {args.batch} x 1 s", columns, torch_cells, args.rounds)
    table(f"onnxruntime, ms per {args.seconds:g} s", ["STFT op", "conv", "causal conv"], clip_cells, args.rounds)
    columns = ["ORT 1 row, 1 hop", "ORT 1 row, 10 hops", "ORT 16 rows, 1 hop", "torch fft 1 row, 1 hop"]
    table("Streaming, ms per step", columns, step_cells, 20 * args.rounds)


if __name__ == "__main__":
    main()
