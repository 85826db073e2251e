"""One fair table of all networks: size, cost, and accuracy on four small corpora at one recipe, on unheard speakers.

    python benchmarks/zoo.py train SHARED_DATA [--networks a,b] [--corpora c,d] [--seeds 0]
    python benchmarks/zoo.py cost
    python benchmarks/zoo.py table [--plot docs/zoo.png]

`train` takes hours and goes on where it was stopped: a training that has its line in docs/zoo.jsonl is not repeated.
`cost` wants a quiet machine: onnxruntime on one thread, clips of one second, features in the graph. The recipe is the
same for all: the same passes over the clips, AdamW at one rate, the same variation of clips; each network takes the
wave, mel rows or cepstra as its paper says, of even level. It is nobody's best: a network does better with a config of
its own.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from models.classify.base import Classifier
from models.spec import VARIANTS, create, parse
from sonant.config.experiment import Experiment
from sonant.config.load import check
from sonant.config.prepare import PrepareManifest
from sonant.data.prepare import prepare
from sonant.export.onnx import export_graphs
from sonant.measure import macs, params
from sonant.measure.evaluate import judge
from sonant.measure.latency import of_call
from sonant.runtime.graph import Graph
from sonant.train.local import fit_local

NETWORKS: dict[str, dict[str, Any]] = {
    name: dict(VARIANTS[name])
    for name in (
        "baseline", "tc_resnet8", "tc_resnet14-1.5", "bc_resnet-1", "bc_resnet-2", "matchbox-3x1x64", "matchbox-3x2x64",
        "res8-narrow", "mobilenet-0.35-keyword", "speaknet", "m5net-32", "soundnet", "cnnt", "voxseg", "uit-3xs",
        "wav2vec2-base",
    )
} | {
    "ecapa_tdnn-64": {"kind": "ecapa_tdnn", "channels": 64, "frame_channels": 192, "squeeze": 32},
    "tcn-64": {"kind": "tcn"},
    "panns-16": {"kind": "panns", "channels": 16, "blocks": 5, "convs": 1},
}  # fmt: skip
UNTRAINED = {"wav2vec2-base"}
"""Large networks that are only of use with pretrained weights: their cost is told."""


class Of(NamedTuple):
    """A corpus and who is held out of it."""

    rate_hz: int
    clip_s: float
    split: dict[str, Any]
    metric: str
    passes: int
    """Over the training clips."""
    trim_db: float | None = None


CORPORA = {
    "fsdd": Of(8000, 1.0, {"kind": "leave_out", "speakers": ["george", "lucas"]}, "accuracy", 24),
    "speech_commands": Of(16000, 1.0, {"kind": "random_speakers", "test": 0.2}, "accuracy", 24),
    "esc10": Of(16000, 5.0, {"kind": "manifest"}, "accuracy", 30),
    "ravdess": Of(16000, 3.0, {"kind": "random_speakers", "test": 0.25}, "uar", 20, trim_db=40),
}
SCORES, COSTS = (Path(__file__).parents[1] / "docs" / name for name in ("zoo.jsonl", "zoo_cost.json"))
REPEAT = 2
"""Passes between two looks at the validation clips."""


def experiment(network: str, corpus: str, seed: int, work: Path) -> Experiment:
    """The one recipe."""
    of = CORPORA[corpus]
    model = parse(NETWORKS[network]).model_dump(mode="json")
    model["features"]["sample_rate_hz"] = of.rate_hz
    if model["features"]["kind"] in ("melspec", "mfcc"):
        model["features"] |= {"compress": "db", "range_db": 50, "norm": "clip_var"}
    return check(
        Experiment,
        {
            "name": f"{corpus}.{network}",
            "seed": seed,
            "task": {"background": []},
            "model": model,
            "data": {
                "corpus": str(work / "data" / corpus),
                "clip_s": of.clip_s,
                "batch_size": 32,
                "repeat": REPEAT,
                "split": {"validation": 0.1, "by": "clip", **of.split},
                "augment": {"speed": 0.15, "tempo": 0.2, "tilt": 0.4},
            },
            "train": {
                "epochs": of.passes // REPEAT,
                "lr": 0.003,
                "weight_decay": 0.02,
                "ema_decay": 0.99,
                "threads": 1,
            },
            "track": {"runs": str(work / "runs"), "worst": 0},
        },
    )


def train(shared: Path, work: Path, networks: list[str], corpora: list[str], seeds: list[int]) -> None:
    done = {(line["network"], line["corpus"], line["seed"]) for line in read(SCORES)}
    for seed, corpus, network in ((s, c, n) for s in seeds for c in corpora for n in networks):
        if (network, corpus, seed) in done or network in UNTRAINED:
            continue
        if not (work / "data" / corpus / "corpus.json").exists():
            import_corpus(shared, work, corpus)
        start = time.monotonic()
        run = fit_local(experiment(network, corpus, seed, work), report=lambda event: None)
        judged = judge(run.path)
        summary = judged.summary()
        line = {
            "network": network, "corpus": corpus, "seed": seed, "metric": CORPORA[corpus].metric,
            "score": judged.metrics[CORPORA[corpus].metric], "clips": len(judged.scored.row_N),
            "interval": summary["intervals"][CORPORA[corpus].metric],
            "seconds": round(time.monotonic() - start, 1),
        }  # fmt: skip
        with SCORES.open("a", encoding="ascii") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def import_corpus(shared: Path, work: Path, corpus: str) -> None:
    of = CORPORA[corpus]
    folds = {f"dev:fold{fold}": "test" if fold == 4 else "train" for fold in range(1, 5)}
    plan = {
        "manifest": str(shared / "manifest.csv"),
        "dataset": corpus,
        "splits": folds if corpus == "esc10" else {"dev": "", "dev:official_training": ""},
        "sample_rate_hz": of.rate_hz,
        "trim_silence_db": of.trim_db,
        "out": str(work / "data" / corpus),
    }
    prepare(check(PrepareManifest, plan))


def cost(networks: list[str]) -> None:
    """Of networks with fresh weights and twelve labels: what they compute does not depend on what they know."""
    wav_BN = (0.1 * np.random.default_rng(0).standard_normal((1, 16_000))).astype(np.float32)
    found: dict[str, dict[str, float]] = {}
    for name in networks:
        model = create(parse({**NETWORKS[name], "outputs": 12})).eval()
        assert isinstance(model, Classifier)
        graph = Graph(export_graphs(model, split_features=False)["model"].data)
        taken = of_call(lambda run=graph.run: run({"wav": wav_BN}), audio_s=1.0, runs=100)
        found[name] = {
            "params": params.of_model(model),
            "macs": macs.of_clip(model, 1.0).network,
            "clip_ms": taken.p50_ms,
            "p95_ms": taken.p95_ms,
            "rtf": taken.real_time_factor,
        }
        print(name, found[name], flush=True)
    COSTS.write_text(json.dumps(found, indent=1), encoding="ascii")


def table(plot: Path | None) -> str:
    """Markdown; scores are means over seeds in percent. Bold: the best of a corpus."""
    costs: dict[str, dict[str, float]] = json.loads(COSTS.read_text(encoding="ascii"))
    scores: dict[tuple[str, str], list[float]] = {}
    for line in read(SCORES):
        scores.setdefault((line["network"], line["corpus"]), []).append(100 * line["score"])
    best = {corpus: max(np.mean(v) for (_, c), v in scores.items() if c == corpus) for _, corpus in scores}
    head = ["network", "parameters", "MMACs / s", "ms / clip", "real-time factor", *CORPORA, "mean"]
    lines = [head, ["---"] * len(head)]
    means: dict[str, float] = {}
    for name, of in costs.items():
        row = [float(np.mean(scores[name, corpus])) if (name, corpus) in scores else np.nan for corpus in CORPORA]
        means[name] = float(np.mean(row))
        told = [
            "-" if np.isnan(score) else f"**{score:.1f}**" if score == best[corpus] else f"{score:.1f}"
            for corpus, score in zip(CORPORA, row, strict=True)
        ]
        size = [f"{of['params']:,}", f"{of['macs'] / 1e6:.1f}", f"{of['clip_ms']:.2f}", f"{of['rtf']:.4f}"]
        lines.append([name, *size, *told, "-" if np.isnan(means[name]) else f"{means[name]:.1f}"])
    if plot is not None:
        draw({name: (costs[name]["clip_ms"], mean, costs[name]["params"]) for name, mean in means.items()}, plot)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def draw(points: Mapping[str, tuple[float, float, float]], file: Path) -> None:
    """Mean score over the time of a clip; dots grow with the number of parameters; the line is the Pareto front."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shown = {name: point for name, point in points.items() if np.isfinite(point[1])}
    front: list[tuple[float, float]] = []
    for ms, score, _ in sorted(shown.values()):
        if not front or score > front[-1][1]:
            front.append((ms, score))
    figure, axes = plt.subplots(figsize=(9, 5.5), layout="constrained")
    axes.plot(*zip(*front, strict=True), color="tab:orange", zorder=1)
    for name, (ms, score, size) in shown.items():
        axes.scatter(ms, score, s=max(12, size / 2500), alpha=0.6, color="tab:blue", zorder=2)
        axes.annotate(name, (ms, score), textcoords="offset points", xytext=(6, 4), fontsize=8)
    axes.set(
        xscale="log", xlabel="ms for a clip of 1 s, one thread of onnxruntime", ylabel="mean score over four corpora, %"
    )
    axes.grid(alpha=0.3)
    figure.savefig(file, dpi=110)


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="ascii").splitlines()] if file.exists() else []


def listed(text: str, known: Mapping[str, Any]) -> list[str]:
    names = text.split(",") if text else list(known)
    if unknown := set(names) - set(known):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "cost", "table"))
    parser.add_argument("shared", nargs="?", type=Path, help="folder with manifest.csv and its recordings")
    parser.add_argument("--work", type=Path, default=Path("build/zoo"), help="corpora and runs")
    parser.add_argument("--networks", default="")
    parser.add_argument("--corpora", default="")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.WARNING)
    networks = listed(args.networks, NETWORKS)
    if args.what == "train":
        if args.shared is None:
            parser.error("train needs the folder of the recordings")
        train(args.shared, args.work, networks, listed(args.corpora, CORPORA), [int(s) for s in args.seeds.split(",")])
    elif args.what == "cost":
        cost(networks)
    else:
        print(table(args.plot))


if __name__ == "__main__":
    main()
