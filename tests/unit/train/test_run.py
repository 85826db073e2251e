"""Creating and opening runs: what is resolved, and which mistakes are found before anything is trained."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from models.spec import create
from sonant.config.experiment import Experiment
from sonant.config.load import load
from sonant.errors import ConfigError, DataError, RunError
from sonant.train import checkpoint
from sonant.train.checkpoint import Checkpoint
from sonant.train.run import create_run, open_run, resolve

Config = Callable[..., Experiment]


def test_what_follows_from_the_corpus_is_filled_in(
    config: Config, corpus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(corpus).parent)
    run = create_run(config("data.corpus=corpus", "track.runs=here"))
    assert re.search(r"/here/tones/\d{8}T\d{6}Z-[0-9a-f]{4}$", run.path)
    monkeypatch.chdir("/")
    again = open_run(run.path)
    assert again == run
    assert again.config.data.labels == ("high", "low", "mid")
    assert again.config.model.outputs == 3
    assert again.config.data.corpus == corpus
    assert resolve(again.config) == again.config
    assert load(Experiment, f"{run.path}/config.yaml") == run.config


def test_labels_may_be_chosen_and_ordered(config: Config) -> None:
    resolved = resolve(config("data.labels=[mid, high]"))
    assert resolved.data.labels == ("mid", "high")
    assert resolved.model.outputs == 2


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.labels=[mid, higj]", "no clip of .* is 'higj'"),
        ("model.outputs=7", "model.outputs = 7, but there are 3 labels"),
        ("train.metric=acuracy", "'acuracy' is not measured"),
        ("model.features.sample_rate_hz=8000", "takes 8000 Hz, .* holds 16000 Hz"),
    ],
)
def test_mistakes_are_found_before_a_run_is_made(config: Config, override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        create_run(config(override))
    assert not Path(config().track.runs).exists()


def test_absent_things_are_told(config: Config, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        create_run(config(f"data.corpus={tmp_path}"))
    with pytest.raises(RunError, match="is no run folder") as caught:
        open_run(str(tmp_path))
    assert caught.value.code == "run.not_found"
    with pytest.raises(RunError, match="no checkpoint"):
        create_run(config()).load_model()


def test_a_run_behind_a_url(config: Config, tmp_path: Path) -> None:
    run = create_run(config(f"track.runs=memory://{tmp_path.name}/runs"))
    assert run.path.startswith(f"memory://{tmp_path.name}/runs/tones/")
    again = open_run(run.path)
    assert again == run
    model = create(run.config.model)
    checkpoint.save(run.checkpoint("best"), Checkpoint(dict(model.state_dict()), {}))
    loaded, wav_BN = again.load_model("best"), torch.randn(2, 4000)
    assert not loaded.training
    assert torch.equal(loaded(wav_BN), model.eval()(wav_BN))


def test_weights_of_another_network_are_told(config: Config) -> None:
    run = create_run(config())
    checkpoint.save(run.checkpoint("best"), Checkpoint({"weight": torch.zeros(1)}, {}))
    with pytest.raises(RunError, match="not of its network"):
        run.load_model("best")
