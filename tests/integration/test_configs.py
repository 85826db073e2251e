"""Every experiment that ships trains with its own smoke set, on a corpus made by that of `prepare words`."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sonant.config.experiment import Experiment
from sonant.config.load import load, names
from sonant.config.prepare import PrepareConfig
from sonant.data.prepare import prepare
from sonant.data.source import Clip, Span
from sonant.data.write import write_corpus
from sonant.train.local import fit_local

_JOBS = ("kws/", "emotion/", "embed/", "sound/")
EXPERIMENTS = [name for name in names() if name.startswith(_JOBS) and not name.endswith("_search")]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], str]:
    folder = tmp_path_factory.mktemp("data")

    @cache
    def make(rate_hz: int) -> str:
        out = str(folder / f"words-{rate_hz}")
        prepare(load(PrepareConfig, "prepare/words", [f"out={out}", f"sample_rate_hz={rate_hz}"], smoke=True))
        return out

    return make


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_smoke_set_trains(name: str, corpus: Callable[[int], str], tmp_path: Path) -> None:
    rate_hz = load(Experiment, name).classifier.features.sample_rate_hz
    overrides = [f"data.corpus={corpus(rate_hz)}", f"track.runs={tmp_path}", "track.wandb=off"]
    config = load(Experiment, name, overrides, smoke=True)
    result = fit_local(config)
    assert 0.0 <= result.metrics["validation"][config.train.metric] <= 1.0
    assert (Path(result.path) / "checkpoints" / "best" / "model.safetensors").stat().st_size > 10_000


def test_smoke_set_of_speech_detection_trains(tmp_path: Path) -> None:
    """On eight recordings of 3 s, each with a loud second in it that counts as speech."""
    rng = np.random.default_rng(0)
    clips: list[tuple[Clip, np.ndarray]] = []
    for number in range(8):
        wav_N = 50 * rng.standard_normal(48_000)
        wav_N[16_000:32_000] *= 40
        span = Span(1.0, 2.0, "speech")
        clips.append((Clip(f"r{number}", f"r{number}", speaker=f"s{number}", spans=[span]), wav_N.astype(np.int16)))
    write_corpus(str(tmp_path / "corpus"), clips, name="loud", sample_rate_hz=16_000)
    overrides = [f"data.corpus={tmp_path / 'corpus'}", f"track.runs={tmp_path}", "track.wandb=off"]
    result = fit_local(load(Experiment, "detect/speech", overrides, smoke=True))
    assert 0.0 <= result.metrics["validation"]["auc"] <= 1.0
    assert (Path(result.path) / "review" / "operating.json").stat().st_size > 100


@pytest.mark.parametrize(
    "name", [name for name in names() if name.startswith(("extract/", "enhance/")) and "search" not in name]
)
def test_smoke_sets_of_sound_train(name: str, hums: str, tmp_path: Path) -> None:
    overrides = [f"data.corpus={hums}", "data.split.kind=manifest", f"track.runs={tmp_path}", "track.wandb=off"]
    config = load(Experiment, name, overrides, smoke=True)
    result = fit_local(config)
    assert np.isfinite(result.metrics["validation"][config.train.metric])
    assert (Path(result.path) / "review" / "worst_mixtures.json").stat().st_size > 100
