"""What the tests of training share: the tiny problem of tiny.py (also a program of its own), and a tiny corpus."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sonant.audio.wav import encode_wav
from sonant.config.experiment import Experiment
from sonant.config.load import check, merge, parse_override
from sonant.config.prepare import PrepareFolder
from sonant.data.prepare import prepare

SPLIT = {"kind": "random_speakers", "validation": 0.25, "test": 0.25}


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    path = Path(__file__).with_name("tiny.py")
    spec = importlib.util.spec_from_file_location("tiny_training", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A prepared corpus: three labels that are three pitches, four speakers, 48 clips of 0.25 s."""
    folder = tmp_path_factory.mktemp("tones")
    random = np.random.default_rng(0)
    time_N = np.arange(4000) / 16000
    for label, pitch_hz in (("high", 2500.0), ("low", 300.0), ("mid", 900.0)):
        (folder / "raw" / label).mkdir(parents=True)
        for number in range(16):
            pitch = pitch_hz * random.uniform(0.95, 1.05)
            wav_N = 0.3 * np.sin(2 * np.pi * pitch * time_N) + 0.02 * random.standard_normal(4000)
            path = folder / "raw" / label / f"s{number % 4}_{number}.wav"
            path.write_bytes(encode_wav(wav_N, 16000))
    prepare(
        PrepareFolder(
            out=str(folder / "corpus"), root=str(folder / "raw"), speaker_pattern=r"(?P<speaker>s\d)_", workers=1
        )
    )
    return str(folder / "corpus")


@pytest.fixture
def config(corpus: str, tmp_path: Path) -> Callable[..., Experiment]:
    """Configs of trainings on that corpus: `config("train.epochs=2")`."""

    def make(*overrides: str) -> Experiment:
        data: dict[str, Any] = {
            "name": "tones",
            "model": {"kind": "tc_resnet", "variant": 8},
            "data": {"corpus": corpus, "clip_s": 0.25, "batch_size": 8, "split": SPLIT},
            "train": {"epochs": 1, "lr": 0.01},
            "track": {"runs": str(tmp_path / "runs"), "wandb": "off", "worst": 3},
        }
        for text in overrides:
            data = merge(data, parse_override(text))
        return check(Experiment, data)

    return make
