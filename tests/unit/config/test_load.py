"""Config loading: order of layers, and errors that name the key, the value and the nearest match."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonant.config.experiment import Experiment
from sonant.config.load import dump, find, load, merge, parse_override, tree
from sonant.config.prepare import PrepareConfig, PrepareFsdd
from sonant.errors import ConfigError

MINIMAL = "name: tiny\nmodel: {kind: tc_resnet}\ndata: {corpus: data/words}\n"


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_layers_override_in_order(tmp_path: Path) -> None:
    write(tmp_path, "under.yaml", MINIMAL + "train: {epochs: 1, lr: 0.1}\nseed: 1\n")
    write(tmp_path, "middle.yaml", "train: {epochs: 2}\nseed: 2\n")
    top = write(tmp_path, "top.yaml", "base: [under, middle]\nseed: 3\nsmoke: {train: {epochs: 4}, seed: 4}\n")
    plain = load(Experiment, top)
    assert (plain.train.epochs, plain.train.lr, plain.seed) == (2, 0.1, 3)
    small = load(Experiment, top, ["seed=5"], smoke=True)
    assert (small.train.epochs, small.seed) == (4, 5)


def test_a_changed_kind_replaces_the_section() -> None:
    under = {"schedule": {"kind": "cosine", "warmup_share": 0.1}}
    assert merge(under, {"schedule": {"kind": "constant"}}) == {"schedule": {"kind": "constant"}}
    assert merge(under, {"schedule": {"warmup_share": 0.2}})["schedule"]["kind"] == "cosine"


def test_resolved_config_loads_to_the_same_object(tmp_path: Path) -> None:
    config = load(Experiment, write(tmp_path, "a.yaml", MINIMAL), ["data.augment.noise_snr_db=[5,20]"])
    again = load(Experiment, write(tmp_path, "b.yaml", dump(config)))
    assert again == config


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("train.epoch=5", "unknown key train.epoch, did you mean epochs?"),
        ("train.epochs=many", "train.epochs = 'many'"),
        ("train.epochs=0", "train.epochs = 0: input should be greater than or equal to 1"),
        ("model.kind=tc_resnet9", "tc_resnet"),
        ("train.schedule={kind: cosine, warmup: 1}", "did you mean warmup_share?"),
        ("train.schedule.factor=1", "train.schedule needs a kind: constant, cosine, plateau"),
        ("data.splits.kind=manifest", "did you mean split?"),
        ("nonsense", "is not key=value"),
    ],
)
def test_wrong_keys_and_values_are_explained(tmp_path: Path, override: str, says: str) -> None:
    path = write(tmp_path, "a.yaml", MINIMAL)
    with pytest.raises(ConfigError) as caught:
        load(Experiment, path, [override])
    assert says in str(caught.value)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(Experiment, write(tmp_path, "a.yaml", "name: Bad Name\nmodel: {kind: tc_resnet}\n"))
    assert "name = 'Bad Name'" in str(caught.value)
    assert "data is missing" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "a: !!python/object/apply:os.system [id]",
        "a: &x [1, 2]\nb: [*x, *x]",
        "just text",
        "a: [1, 2",
        "\x00",
    ],
)
def test_files_that_are_not_plain_data_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        tree(write(tmp_path, "evil.yaml", text))
    assert caught.value.code == "config.syntax"


def test_bases_in_a_circle_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", "base: b\n")
    path = write(tmp_path, "b.yaml", "base: a\n")
    with pytest.raises(ConfigError, match="circle"):
        tree(path)


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(ConfigError) as caught:
        find("kws/tc_resnt")
    assert "kws/tc_resnet" in caught.value.hint


def test_override_values_are_yaml_and_keys_ignore_case() -> None:
    assert parse_override("ROOT=/a=b") == {"root": "/a=b"}
    assert parse_override("a.b=[1, x]") == {"a": {"b": [1, "x"]}}
    assert parse_override("a=") == {"a": None}


def test_only_true_and_false_are_booleans(tmp_path: Path) -> None:
    path = write(tmp_path, "words.yaml", "words: [yes, no, on, off, y, n]\nflags: [true, false]\n")
    assert tree(path) == {"words": ["yes", "no", "on", "off", "y", "n"], "flags": [True, False]}
    assert parse_override("track.wandb=off") == {"track": {"wandb": "off"}}


def test_prepare_kinds_are_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path, "p.yaml", "kind: fsdd\nout: data/fsdd\n")
    assert isinstance(load(PrepareConfig, path, ["ROOT=/tmp/x"]), PrepareFsdd)
    with pytest.raises(ConfigError, match="root is missing"):
        load(PrepareConfig, path)
