"""Which memory is best, when each network may learn for the same time on the same mixtures? (`benchmarks/extract.py`)

Data: LibriSpeech (five of its speakers are the test, heard by nobody) and synthetic voices of `sonant prepare
sentences`, mixed on the fly. Each system first takes a few steps, to know how many fit into the budget; then it is
trained from the start for so many, the rate falling to zero with the last of them: a network that is twice as fast
learns from twice as many mixtures. The last weights are judged on the same test mixtures, with nothing chosen on
anything. A training that has its line in docs/extract.jsonl is not repeated. `unprocessed` and `ideal_ratio_mask` are
not trained: the mixture as it is, and what a real mask could do that knows the answer.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import budget
import numpy as np
import torch

from models.extract.base import Extraction, Extractor
from models.spec import VARIANTS, create
from sonant import tasks
from sonant.config.experiment import Experiment
from sonant.config.load import check, load
from sonant.config.prepare import PrepareConfig, PrepareJoin, PrepareManifest, PrepareSynth
from sonant.data.corpus import Corpus
from sonant.data.mix.batch import MixBatch
from sonant.data.prepare import prepare
from sonant.data.split import split
from sonant.measure import macs, params
from sonant.metrics.item import SILENT_DB
from sonant.metrics.oracle import ideal_ratio_mask
from sonant.metrics.summary import Mean, compare, summarise
from sonant.tasks.extract import MEASURES, Extract
from sonant.train import review_mixtures
from sonant.train.evaluate import Scored
from sonant.train.local import fit_local
from sonant.train.run import Result, open_run

LINES = Path(__file__).parents[1] / "docs" / "extract.jsonl"
TEST_SPEAKERS = ("533", "1688", "2414", "3005", "3331")
SYSTEMS: dict[str, dict[str, Any]] = {
    name: VARIANTS[name] for name in VARIANTS if name.startswith(("causal_extractor-", "spexplus_short-small-"))
}
"""Our network with each memory (and with other frames), and the research system's small form with each of its own."""
RATES = {"causal_extractor": 0.001, "spexplus_short": 0.0003}
"""Those of configs/extract."""
DEFAULT = [
    f"causal_extractor-{name}" for name in ("none", "vector_gru", "channel_gru", "gated_cache", "special_channels")
] + [f"spexplus_short-small-{name}" for name in ("none", "rnn", "gru0", "gru1", "gru2", "gru3", "cache",
                                                 "special_channels")]  # fmt: skip
FIXED: dict[str, Callable[[MixBatch], torch.Tensor]] = {
    "unprocessed": lambda batch: batch.mix_BN,
    "ideal_ratio_mask": lambda batch: torch.stack(
        [
            torch.from_numpy(ideal_ratio_mask(mix_N.numpy(), target_N.numpy(), 16_000))
            for mix_N, target_N in zip(batch.mix_BN, batch.target_BN, strict=True)
        ]
    ),
}
Line = dict[str, Any]


def words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shared", type=Path, help="folder with manifest.csv and its recordings")
    parser.add_argument("--work", type=Path, default=Path("build/extract"), help="corpora and runs")
    parser.add_argument("--budget-s", type=float, default=600.0, help="CPU seconds of training")
    parser.add_argument("--systems", default=",".join([*FIXED, *DEFAULT]))
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--items", type=int, default=300, help="test mixtures")
    parser.add_argument("--voices", type=int, default=300, help="synthetic voices")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--lines", type=Path, default=LINES, help="where the lines are")


def quality(args: argparse.Namespace) -> None:
    """Trains and judges what has no line yet."""
    names, seeds = args.systems.split(","), [int(seed) for seed in args.seeds.split(",")]
    if unknown := set(names) - {*FIXED, *SYSTEMS}:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join([*FIXED, *SYSTEMS])}")
    corpus = corpus_of(args.shared, args.work, args.voices)
    done = {(line["system"], line["seed"], line["budget_s"]) for line in read(args.lines)}
    for seed, name in ((seed, name) for seed in seeds for name in names):
        # What is not trained is the same at every seed and budget.
        key = (name, 0, 0) if name in FIXED else (name, seed, args.budget_s)
        if key in done:
            continue
        done.add(key)
        make = fixed if name in FIXED else trained
        told = dict(zip(("system", "seed", "budget_s"), key, strict=True))
        line = told | make(name, seed, corpus, args)
        with args.lines.open("a", encoding="ascii") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps({name: value for name, value in line.items() if name != "items"}), flush=True)


def corpus_of(shared: Path, work: Path, voices: int) -> str:
    """LibriSpeech and synthetic voices as one corpus."""
    out = {name: str(work / name) for name in ("librispeech", f"sentences-{voices}", f"voices-{voices}")}
    real, made, both = out.values()
    if not (Path(both) / "corpus.json").exists():
        plan = {"manifest": str(shared / "manifest.csv"), "dataset": "librispeech", "splits": {"dev": ""}, "out": real}
        pattern = r"(?P<session>\d+-\d+)-\d+\.flac$"
        prepare(check(PrepareManifest, plan | {"session_pattern": pattern}))
        sentences = load(PrepareConfig, "prepare/sentences", [f"out={made}", f"voices={voices}"])
        prepare(sentences)
        labels = dict.fromkeys(cast(PrepareSynth, sentences).words, "read_speech")
        prepare(check(PrepareJoin, {"corpora": [real, made], "labels": labels, "out": both}))
    return both


def experiment(name: str, seed: int, corpus: str, args: argparse.Namespace, *, steps: int) -> Experiment:
    """The one recipe: so many steps of eight mixtures of 3 s."""
    model = SYSTEMS.get(name, VARIANTS["causal_extractor-none"]) | {"speakers": None}
    mixtures = {"mix_s": 3.0, "snr_db": [-5, 5], "overlap": [0.5, 1.0], "absent_p": 0.1, "reference_s": [2, 6]}
    counts = {"items": 8 * steps, "validation_items": 4, "test_items": args.items if name in FIXED else 1}
    leave_out = {"kind": "leave_out", "speakers": list(TEST_SPEAKERS), "validation": 0.05}
    return check(
        Experiment,
        {
            "name": name.lower(),
            "seed": seed,
            "task": {"kind": "extract"},
            "model": model,
            "data": {"corpus": corpus, "batch_size": 8, "split": leave_out, "mixtures": mixtures | counts},
            "train": {
                "epochs": 1,
                "lr": RATES[model["kind"]],
                "metric": "si_sdri",
                "keep": "last",
                "threads": args.threads,
            },
            "track": {"runs": str(args.work / "runs"), "wandb": "off", "worst": 0},
        },
    )


def trained(name: str, seed: int, corpus: str, args: argparse.Namespace) -> Line:
    """Trains for so much CPU time, and judges."""

    def train(steps: int, report: budget.Report) -> Result:
        return fit_local(experiment(name, seed, corpus, args, steps=steps), report=report)

    steps = budget.steps_within(args.budget_s, train)
    taken = budget.timed(partial(train, steps))
    network = open_run(taken.run).load_model("best")
    with torch.no_grad():
        items = judged(lambda batch: network(batch.mix_BN, batch.ref_BR, batch.ref_samples_B), corpus, args)
    return {
        "cpu_s": taken.cpu_s,
        "wall_s": taken.wall_s,
        "steps": steps,
        "params": params.of_model(network),
        "macs_per_s": macs.of_model(cast(Extractor, network)).network,
        "items": items,
    }


def fixed(name: str, seed: int, corpus: str, args: argparse.Namespace) -> Line:
    """What needs no training."""
    return {
        "cpu_s": 0,
        "wall_s": 0,
        "steps": 0,
        "items": judged(lambda batch: Extraction(FIXED[name](batch)), corpus, args),
    }


def judged(give: Callable[[MixBatch], Extraction], corpus_url: str, args: argparse.Namespace) -> list[list[Any]]:
    """The same test mixtures for all systems and seeds."""
    config = experiment("unprocessed", 0, corpus_url, args, steps=1)
    corpus = Corpus.open(corpus_url)
    rows = {"test": split(corpus, config.data.split, 0).test}
    task, loaders = tasks.opened(config, (), create(config.model), corpus, rows, training=False)
    assert isinstance(task, Extract)
    loader = loaders["test"]
    parts = [(batch.row_B, batch.present_B.long(), task.measure(give(batch), batch)) for batch in loader.epoch(0)]
    scored = Scored(*(torch.cat(part).numpy() for part in zip(*parts, strict=True)))
    speakers = review_mixtures.speakers_of(loader, scored)
    names = ["speaker", "kind", *MEASURES]
    values = zip(speakers, (task.kinds[label] for label in scored.label_N), *scored.logits_NK.T.tolist(), strict=True)
    return _items([dict(zip(names, each, strict=True)) for each in values])


def _items(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """[speaker, improvement (null: absent), confused, depth under the mixture] of each test mixture."""
    return [
        [
            row["speaker"],
            None if row["kind"] == "absent" else round(row["si_sdr"] - row["si_sdr_mixture"], 2),
            int(row["confused"]),
            round(row["depth_db"], 1),
        ]
        for row in rows
    ]


def table(file: Path = LINES) -> str:
    """Markdown: means over seeds and mixtures with 95 % intervals over speakers, and differences to the first trained
    system, mixture by mixture."""
    by_system: dict[tuple[str, float], list[Line]] = {}
    for line in read(file):
        by_system.setdefault((line["system"], line["budget_s"]), []).append(line)
    head = "| system | seeds | budget s | steps | parameters | SI-SDRi dB | against the first "
    head += "| confused | absent dB | silent |"
    lines, first = [head, "|---" * 10 + "|"], None
    for (name, budget_s), runs in by_system.items():
        items = list(zip(*(run["items"] for run in runs), strict=True))
        speakers = [item[0][0] for item in items]
        gains = [None if item[0][1] is None else float(np.mean([seed[1] for seed in item])) for item in items]
        figures = summarise(
            [
                {"absent_db": np.mean([s[3] for s in item]), "silent": np.mean([s[3] >= SILENT_DB for s in item])}
                if gain is None
                else {"si_sdri": gain, "confused": np.mean([s[2] for s in item])}
                for item, gain in zip(items, gains, strict=True)
            ],
            speakers,
        )
        known = [np.nan if gain is None else gain for gain in gains]
        first = known if first is None and budget_s else first
        against = compare(known, first, speakers) if first is not None and budget_s and first is not known else None
        size, steps = f"{runs[0]['params']:,}" if budget_s else "-", round(np.mean([run["steps"] for run in runs]))
        cells = [
            name, len(runs), f"{budget_s:g}", steps, size, _told(figures["si_sdri"]),
            "-" if against is None else _told(against), _told(figures["confused"], 2),
            _told(figures["absent_db"]), _told(figures["silent"], 2),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _told(mean: Mean, digits: int = 1) -> str:
    return f"{mean.mean:.{digits}f} [{mean.low:.{digits}f}, {mean.high:.{digits}f}]"


def read(file: Path) -> list[Line]:
    return [json.loads(line) for line in file.read_text(encoding="ascii").splitlines()] if file.exists() else []
