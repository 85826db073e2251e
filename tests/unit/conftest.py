"""A small real network for the tests that need graphs: one convolution over mel features at 8 kHz, random weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sonant.export.export import Trained
    from sonant.runtime.engine import Engine

TINY_LABELS = ("_silence_", "no", "yes")


@pytest.fixture(scope="session")
def tiny_trained() -> Trained:
    """What training hands to export; it runs live in hops of 10 ms, pooled over 200 ms."""
    import torch

    from models import heads
    from models.blocks.conv import TimeConv
    from models.classify.base import Encoder, LiveClassifier
    from models.features import Extractor, FeatureConfig
    from sonant.config.experiment import Experiment
    from sonant.config.load import check
    from sonant.export.export import Trained

    torch.manual_seed(0)
    features = Extractor(FeatureConfig(sample_rate_hz=8000, window_ms=16, hop_ms=10, n_mels=8), causal=True)
    encoder = Encoder(TimeConv(torch.nn.Conv1d(8, 6, 3), causal=True), torch.nn.ReLU())
    encoder.channels, encoder.stride = 6, 1
    model = LiveClassifier(features, encoder, heads.LiveMeanHead(6, 3, dropout=0.0, window=20)).eval()
    config: Experiment = check(
        Experiment,
        {
            "name": "tiny",
            "model": {"kind": "tc_resnet", "causal": True, "window_ms": 200},
            "data": {"corpus": "none", "clip_s": 0.2, "labels": TINY_LABELS},
            "export": {"split_features": True},
        },
    )
    return Trained(model=model, config=config, labels=TINY_LABELS, metrics={"test.accuracy": 0.5}, run="runs/tiny/1")


@pytest.fixture(scope="session")
def tiny_bundle(tiny_trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny network exported: a folder that tests may read and not change."""
    from sonant.export.bundle import publish, seal
    from sonant.export.export import make

    return Path(publish(seal(*make(tiny_trained)), str(tmp_path_factory.mktemp("tiny") / "bundle")))


@pytest.fixture(scope="session")
def engine(tiny_bundle: Path) -> Engine:
    """The tiny bundle, ready to run."""
    from sonant.runtime.bundle import open_bundle
    from sonant.runtime.engine import Engine

    return Engine(open_bundle(tiny_bundle))


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder: a small network for clips, trained for two epochs on tones of three pitches by six speakers."""
    import numpy as np

    from sonant.config.experiment import Experiment
    from sonant.config.load import check
    from sonant.data.source import Clip
    from sonant.data.write import write_corpus
    from sonant.train.local import fit_local

    folder = tmp_path_factory.mktemp("run")
    rng = np.random.default_rng(0)
    clips: list[tuple[Clip, np.ndarray]] = []
    for number in range(90):
        label, speaker = number % 3, number // 3 % 6
        time = np.arange(int(rng.integers(1200, 2400))) / 8000
        wav_N = 6000 * np.sin(2 * np.pi * (400, 900, 2000)[label] * time) + 200 * rng.standard_normal(len(time))
        split = ("train", "train", "train", "train", "validation", "test")[speaker]
        clip = Clip(f"c{number}", f"c{number}", {}, label=TINY_LABELS[label], speaker=f"s{speaker}", split=split)
        clips.append((clip, wav_N.astype(np.int16)))
    write_corpus(str(folder / "corpus"), iter(clips), name="tones", sample_rate_hz=8000, split_by="speaker")
    config: Experiment = check(
        Experiment,
        {
            "name": "tones",
            "model": {"kind": "tc_resnet", "width": 0.25, "features": {"kind": "melspec", "sample_rate_hz": 8000}},
            "data": {"corpus": str(folder / "corpus"), "clip_s": 0.25, "batch_size": 16, "augment": None, "repeat": 5},
            "train": {"epochs": 2, "threads": 1},
            "track": {"runs": str(folder / "runs"), "wandb": "off"},
        },
    )
    return Path(fit_local(config, report=lambda event: None).path)
