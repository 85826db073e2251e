"""What data costs: clips a second of the loader and of files, and the share of a training step that augmentation takes.

    python benchmarks/data.py [--clips 2000] [--batch 64] [--rounds 5]

One second of 16 kHz audio a clip, one thread, files in the page cache. Rounds visit every variant in turn and the
fastest counts, so other load on the machine hurts all alike. The result is Markdown.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import soundfile
import torch
from torch.utils.data import DataLoader, Dataset

from models.classify.tc_resnet import TcResNetConfig
from models.spec import create
from sonant.config.data import Augment, DataConfig
from sonant.data.augment import apply, draw
from sonant.data.corpus import Corpus
from sonant.data.loader import Loader
from sonant.data.source import Clip
from sonant.data.write import write_corpus

RATE_HZ = 16_000
LABELS = ("a", "b", "c", "d")
OFF = {"speed": 0.0, "room_p": 0.0, "noise_p": 0.0}
PARTS: dict[str, Augment] = {
    "all of it, as by default": Augment(),
    "level and faint noise only": Augment.model_validate(OFF),
    "+ speed": Augment.model_validate({**OFF, "speed": 0.1}),
    "+ noise for 80 %": Augment.model_validate({**OFF, "noise_p": 0.8}),
    "+ rooms for 20 %": Augment.model_validate({**OFF, "room_p": 0.2}),
}
Run = Callable[[], object]


class WavFiles(Dataset[tuple[torch.Tensor, int]]):
    """What a training script usually has: a file a clip, opened when it is asked for."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        wav_N, _ = soundfile.read(self.paths[index], dtype="float32")
        return torch.from_numpy(wav_N), index % len(LABELS)


def fastest_s(runs: Mapping[str, Run], rounds: int) -> dict[str, float]:
    best = dict.fromkeys(runs, float("inf"))
    for run in runs.values():
        run()
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - began)
    return best


def make(folder: Path, clips: int) -> tuple[Corpus, list[Path]]:
    """The same clips as a prepared corpus and as wav files."""
    generator = np.random.default_rng(0)
    waves = [generator.integers(-9000, 9000, RATE_HZ).astype(np.int16) for _ in range(clips)]
    paths = [folder / f"{number}.wav" for number in range(clips)]
    for path, wav_N in zip(paths, waves, strict=True):
        soundfile.write(path, wav_N, RATE_HZ)
    rows = [Clip(str(number), str(number), label=LABELS[number % len(LABELS)]) for number in range(clips)]
    write_corpus(str(folder / "corpus"), zip(rows, waves, strict=True), name="bench", sample_rate_hz=RATE_HZ)
    return Corpus.open(str(folder / "corpus")), paths


def drain(batches: object) -> None:
    for _ in batches:  # pyright: ignore[reportGeneralTypeIssues]
        pass


def reading(corpus: Corpus, paths: list[Path], batch: int, rounds: int) -> None:
    def loader(augment: Augment | None, prefetch: int) -> Loader:
        cfg = DataConfig(corpus="", batch_size=batch, augment=augment, prefetch=prefetch)
        return Loader(corpus, np.arange(len(corpus)), LABELS, cfg, seed=0, training=True)

    ours = {
        "sonant Loader": loader(None, 0),
        "sonant Loader, made ahead by a thread": loader(None, 2),
        "sonant Loader, with parameters of augmentation": loader(Augment(), 2),
    }
    theirs = {
        f"torch DataLoader, wav by soundfile, {workers} workers": DataLoader(
            WavFiles(paths), batch, shuffle=True, drop_last=True, num_workers=workers
        )
        for workers in (0, 2)
    }
    runs: dict[str, Run] = {name: lambda it=it: drain(it.epoch(0)) for name, it in ours.items()}
    runs |= {name: lambda it=it: drain(it) for name, it in theirs.items()}
    clips = len(corpus) // batch * batch
    print(f"| {len(corpus)} clips in batches of {batch} | clips/s |\n|---|---|")
    for name, seconds in fastest_s(runs, rounds).items():
        print(f"| {name} | {clips / seconds:,.0f} |")


def augmenting(batch: int, rounds: int) -> None:
    wav_BN = 0.1 * torch.randn(batch, RATE_HZ)
    rows = list(range(batch))
    model = create(TcResNetConfig(outputs=len(LABELS), variant=8))
    target_B = torch.zeros(batch, dtype=torch.int64)

    def step() -> None:
        model.zero_grad()
        torch.nn.functional.cross_entropy(model(wav_BN), target_B).backward()

    drawn = {name: draw(cfg, 0, 0, rows, sample_rate_hz=RATE_HZ)[1] for name, cfg in PARTS.items()}
    runs: dict[str, Run] = {name: lambda d=d: apply(wav_BN, d) for name, d in drawn.items()}
    runs["drawing the parameters (loader's thread)"] = lambda: draw(Augment(), 0, 0, rows, sample_rate_hz=RATE_HZ)
    runs["training step of TC-ResNet8 without it"] = step
    cost_s = fastest_s(runs, 4 * rounds)
    whole_s = cost_s["training step of TC-ResNet8 without it"] + cost_s["all of it, as by default"]
    print(f"\n| augmentation, {batch} clips of 1 s, one thread | ms | share of the step |\n|---|---|---|")
    for name, seconds in cost_s.items():
        print(f"| {name} | {seconds * 1e3:.1f} | {seconds / whole_s:.0%} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        corpus, paths = make(Path(folder), args.clips)
        reading(corpus, paths, args.batch, args.rounds)
    augmenting(args.batch, args.rounds)


if __name__ == "__main__":
    main()
