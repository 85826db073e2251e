"""One Ray for all tests of a module that train: starting it takes longer than most of them; and voices to mix."""

import os
from collections.abc import Generator

import numpy as np
import pytest
import ray

from sonant.data.source import Clip
from sonant.data.write import write_corpus


@pytest.fixture(scope="module")
def ray_session() -> Generator[None]:
    """A Ray of two CPUs on this machine, without a dashboard; `connect` uses it as it is."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")
    started = not ray.is_initialized()
    if started:
        ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    if started:
        ray.shutdown()


@pytest.fixture(scope="module")
def hums(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Nine speakers who hum, three on each side of the split, each at a pitch of their own."""
    rng = np.random.default_rng(0)
    clips: list[tuple[Clip, np.ndarray]] = []
    for number in range(9):
        for take in range(3):
            time_N = np.arange(16_000) / 16_000
            wav_N = 4000 * np.sin(2 * np.pi * 120 * 1.2**number * time_N) + rng.normal(0, 50, 16_000)
            side = ("train", "validation", "test")[number % 3]
            clip = Clip(f"{number}-{take}", f"{number}-{take}", speaker=f"s{number}", split=side)
            clips.append((clip, wav_N.astype(np.int16)))
    folder = str(tmp_path_factory.mktemp("hums") / "corpus")
    write_corpus(folder, clips, name="hums", sample_rate_hz=16_000)
    return folder
