"""What networks that take noise out of speech learn in the same CPU time on the same items. (`benchmarks/enhance.py`)

Speech is LibriSpeech (nine of its speakers are the test, heard by nobody) and EmoDB; noise is ESC-10 and other kinds of
ESC-50, which the platform deals to training, validation and test. Each system first takes a few steps, to know how much
CPU time one is; then it is trained from the start for as many as fit into the budget, its rate falling to zero with the
last. What is equal: seconds of CPU of the whole process (steps, and the drawing of items beside them) with one thread
of torch, items, loss; the rate is each network's own. A fast network hears more. Plans miss by some percent on a
machine that others use: what was really taken is told. Nothing is chosen on anything: the last (averaged) weights are
judged. Without a budget, training is that of the network that ships: twenty epochs, of which the best is kept.

All are judged on one list of rendered items, drawn at fixed seeds; its digest is in each line of docs/enhance.jsonl. A
system that has its line is not trained again, one that was trained (runs.jsonl) is only judged.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, cast

import budget
import pyarrow.parquet as pq
from enhance_lines import COLUMNS, Line, append, read, table

from models.enhance.base import Enhancer
from sonant.config.experiment import Experiment
from sonant.config.load import check
from sonant.config.prepare import PrepareManifest, PrepareNoisy
from sonant.data.noising import prepare_noisy
from sonant.data.noisy.files import LIST_FILE, render_files
from sonant.data.noisy.recipe import to_row
from sonant.data.noisy.table import open_table
from sonant.data.prepare import prepare
from sonant.export.export import export
from sonant.measure import macs, params
from sonant.measure.quality import quality
from sonant.runtime.bundle import INFO
from sonant.train.local import fit_local
from sonant.train.run import Result, open_run

LINES = Path(__file__).parents[1] / "docs" / "enhance.jsonl"
CORPORA = {"speech": ("librispeech", "emodb"), "noises": ("noise", "esc10")}
"""Corpora, and the datasets of the shared manifest that they are made of."""
TEST_SPEAKERS = ("19", "2609", "3005", "533", "332", "587", "1235", "5049", "6181")
SPLIT = {"kind": "leave_out", "speakers": list(TEST_SPEAKERS), "validation": 0.1}
NOISING = {"item_s": 2.0, "snr_db": [-5, 15], "room_p": 0.1, "clean_only_p": 0.1}
"""What is trained on."""
TEST = {"item_s": 4.0, "noise_only_p": 0.08, "clean_only_p": 0.08}
"""What differs in the test: PESQ wants longer items, and means want more of those without noise or speech."""
COMMITTED = "384bfe85be65"
"""Digest of the 400 test items that docs/enhance.jsonl is about: seeds and settings above give no others."""
BATCH = 8
EPOCHS, EPOCH_ITEMS = 20, 4000
"""Of the network that ships: as configs/enhance/dual_path.yaml."""
LOSS = {"kind": "enhance", "l1": 0, "stft": 0, "snr": 0.02, "compressed": 1.0}
PAPER_LOSS = {"kind": "enhance", "l1": 1.0, "stft": 0.5}
"""Of Defossez et al. 2020, arXiv:2006.12847, section 2.2, with the weight of their recipe."""
SYSTEMS: dict[str, tuple[dict[str, Any], float, dict[str, Any]]] = {
    "dual_path": ({"kind": "dual_path"}, 0.003, LOSS),
    "demucs": ({"kind": "demucs"}, 0.0003, LOSS),
    "demucs-16": ({"kind": "demucs", "hidden": 16}, 0.001, LOSS),
    "demucs-paper_loss": ({"kind": "demucs"}, 0.0003, PAPER_LOSS),
    "demucs-16-paper_loss": ({"kind": "demucs", "hidden": 16}, 0.001, PAPER_LOSS),
}
"""Network, peak rate, loss. Demucs with 16 channels is about as dear as a CPU can train in so short a time."""


def prepare_all(shared: Path, work: Path, items: int) -> str:
    """The corpora, the list of test items and their files; gives the digest of the list. What is there is kept."""
    for name, datasets in CORPORA.items():
        if not (work / name / "corpus.json").exists():
            corpus(shared, work, name, datasets)
    table, files = work / "items.parquet", work / "test" / LIST_FILE
    noisy = NOISING | TEST | {"noise_corpus": str(work / "noises")}
    if not table.exists():
        plan = {
            "out": str(table),
            "corpus": str(work / "speech"),
            "split": SPLIT,
            # The other sides are drawn so that the test is held against them: no speaker, kind of noise or copy twice.
            "items": {"train": 1000, "validation": 200, "test": items},
            "noising": noisy,
            "verify": 5,
        }
        prepare_noisy(check(PrepareNoisy, {"kind": "noisy", **plan}))
    tests = [recipe for recipe in open_table(str(table)).recipes if recipe.split == "test"]
    if not files.exists():
        folder = str(files.parent.absolute())
        render_files(tests, folder, corpus=str(work / "speech"), noise_corpus=str(work / "noises"))
    return hashlib.sha256(json.dumps([to_row(recipe) for recipe in tests]).encode()).hexdigest()[:12]


def corpus(shared: Path, work: Path, name: str, datasets: Sequence[str]) -> None:
    """Rows of the shared manifest as one corpus; the splits of the sets are not used."""
    chosen, own = work / f"{name}.csv", {"dataset": name, "split": ""}
    with (shared / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row | own for row in csv.DictReader(file) if row["dataset"] in datasets]
    with chosen.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    plan = {"manifest": str(chosen), "root": str(shared), "max_clip_s": 90.0, "out": str(work / name)}
    prepare(check(PrepareManifest, plan))


def experiment(system: str, seed: int, work: Path, steps: int | None) -> Experiment:
    """The one recipe, for so many steps; None: as the network that ships is trained."""
    model, lr, loss = SYSTEMS[system]
    if steps is None:
        counts = {"items": EPOCH_ITEMS, "validation_items": 100, "test_items": 300}
        length = {"epochs": EPOCHS, "keep": "best"}
    else:
        counts = {"items": BATCH * steps, "validation_items": BATCH, "test_items": BATCH}
        length = {"epochs": 1, "keep": "last"}
    return check(
        Experiment,
        {
            "name": system,
            "seed": seed,
            "task": loss,
            "model": model,
            "data": {
                "corpus": str(work / "speech"),
                "batch_size": BATCH,
                "split": SPLIT,
                "noisy": NOISING | counts | {"noise_corpus": str(work / "noises")},
            },
            "train": {"lr": lr, "ema_decay": 0.999, "metric": "si_sdri", "threads": 1, **length},
            "track": {"runs": str(work / "runs"), "wandb": "off", "worst": 0, "examples": 0},
        },
    )


def train(args: argparse.Namespace) -> None:
    """Trains, exports and judges what has no line yet."""
    names, seeds = args.systems.split(","), [int(seed) for seed in args.seeds.split(",")]
    if unknown := set(names) - set(SYSTEMS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(SYSTEMS)}")
    digest, runs = prepare_all(args.shared, args.work, args.items), args.work / "runs.jsonl"
    for seed, name in ((seed, name) for seed in seeds for name in names):
        key = {"system": name, "seed": seed, "budget_s": args.budget_s, "test": digest}
        if any(key.items() <= line.items() for line in read(args.lines)):
            continue
        told = {field: key[field] for field in ("system", "seed", "budget_s")}
        known = [line for line in read(runs) if told.items() <= line.items()]
        if not known:
            known = [told | trained(name, seed, args.work, args.budget_s)]
            append(runs, known[0])
        line = known[-1]
        # The bundle is judged: it is what serves.
        bundle = args.work / "bundles" / "-".join(map(str, told.values()))
        if not (bundle / INFO).exists():
            export(line["run"], out=str(bundle))
        items = judged(str(bundle), args.work, args.workers)
        public = {field: value for field, value in line.items() if field != "run"}
        append(args.lines, public | {"test": digest, "items": items})
        print(json.dumps(line), flush=True)


def trained(name: str, seed: int, work: Path, budget_s: float) -> Line:
    """Trains for so much CPU time."""

    def train(steps: int | None, report: budget.Report) -> Result:
        return fit_local(experiment(name, seed, work, steps), report=report)

    steps = budget.steps_within(budget_s, train) if budget_s else None
    taken = budget.timed(partial(train, steps))
    network = cast(Enhancer, open_run(taken.run).load_model("best"))
    return {
        "steps": steps if steps is not None else EPOCHS * EPOCH_ITEMS // BATCH,
        "cpu_s": taken.cpu_s,
        "wall_s": taken.wall_s,
        "params": params.of_model(network),
        "macs_per_s": macs.of_model(network).network,
        "run": taken.run,
    }


def judge(args: argparse.Namespace) -> str:
    """Judges runs and bundles that have no line yet, and tells all of `lines`."""
    digest = prepare_all(args.shared, args.work, args.items)
    for told in [*args.runs, *args.bundles]:
        name, _, subject = told.rpartition("=")
        key = {"system": name or subject.rstrip("/").rpartition("/")[2], "test": digest}
        if not any(key.items() <= line.items() for line in read(args.lines)):
            append(args.lines, key | {"items": judged(subject, args.work, args.workers)})
    return table(args.lines)


def judged(subject: str, work: Path, workers: int) -> list[list[Any]]:
    """COLUMNS of each test item, by the judge of `sonant evaluate --quality`."""
    out = work / "judged" / hashlib.sha256(subject.encode()).hexdigest()[:12]
    rows_file = out / "quality.parquet"
    if not rows_file.exists():
        quality(subject, str(work / "test" / LIST_FILE), out=str(out), spread=partial(_processes, workers))
    return [[_short(row.get(name)) for name in COLUMNS] for row in pq.read_table(rows_file).to_pylist()]


def _short(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def _processes(
    workers: int, make: Callable[..., Any], arguments: tuple[object, ...], items: Sequence[str]
) -> Iterator[str]:
    """Maps over processes of this machine."""
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (make, arguments)) as pool:
        yield from pool.map(_answer, items)


_worker: list[Callable[[str], str]] = []


def _begin(make: Callable[..., Callable[[str], str]], arguments: tuple[object, ...]) -> None:
    _worker[:] = [make(*arguments)]


def _answer(item: str) -> str:
    return _worker[0](item)
