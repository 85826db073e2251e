"""`sonant prepare noisy`: a table over corpora of speech and noise, and its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from sonant import cli
from sonant.config.prepare import PrepareNoisy
from sonant.data.manifest import read_manifest
from sonant.data.noising import check_table, prepare_noisy
from sonant.data.noisy import render as rendering
from sonant.data.noisy.mixer import NoisyMixer
from sonant.data.noisy.pairs import Pairs, read_pairs
from sonant.data.noisy.table import open_table
from sonant.errors import ConfigError, DataError

NOISING = {"item_s": 0.6, "trim_db": None, "noise_only_p": 0.2, "clean_only_p": 0.2}


@pytest.fixture
def corpus(make_corpus):
    """Nine speakers of six recordings of half a second; three of them for test."""
    rows = [
        {"speaker": f"s{n % 9}", "session": f"s{n % 9}-{n // 27}", "split": "test" if n % 9 > 5 else ""}
        for n in range(54)
    ]
    return make_corpus(rows, length=8000, name="speech")


@pytest.fixture
def noise(make_corpus):
    """Ten kinds of noise, three recordings each."""
    return make_corpus([{"label": f"k{n % 10}"} for n in range(30)], length=5000, name="noise")


@pytest.fixture
def config(corpus, noise, tmp_path: Path):
    def make(**changes: Any) -> PrepareNoisy:
        noising = {**NOISING, "noise_corpus": str(noise.path), **changes.pop("noising", {})}
        told = {"corpus": str(corpus.path), "out": str(tmp_path / "t.parquet"), "noising": noising, "seed": 3}
        told |= {"split": {"validation": 0.5}, "items": {"train": 30, "validation": 8, "test": 9}}
        return PrepareNoisy.model_validate({**told, **changes})

    return make


def test_a_table_of_honest_items(config, corpus) -> None:
    seen: list[tuple[int, int]] = []
    summary = prepare_noisy(config(), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (47, 47)
    assert summary.items == {"train": 30, "validation": 8, "test": 9}
    assert summary.speakers["train"] == summary.speakers["test"] == 3
    assert 0 < summary.noise_only < 24
    assert 0 < summary.clean_only < 24
    table = open_table(summary.table)
    check_table(summary.table)
    labels = table.noise.column("label")
    heard = [{labels[n.cut.row] for r in table.of(side) for n in r.noises} for side in summary.items]
    assert sum(map(len, heard)) == len(set.union(*heard))
    # The same recipes are drawn on the fly.
    rows = np.flatnonzero(np.array(corpus.column("split")) == "test")
    mixer = NoisyMixer(corpus, rows, table.origin.noising, split="test", seed=3)
    assert table.of("test") == [mixer.recipe(0, index) for index in range(9)]


def test_the_same_config_gives_the_same_bytes(config) -> None:
    first = Path(prepare_noisy(config()).table).read_bytes()
    assert Path(prepare_noisy(config()).table).read_bytes() == first
    assert Path(prepare_noisy(config(seed=4)).table).read_bytes() != first


def test_hours_of_whole_recordings_at_a_grid_of_ratios(config) -> None:
    """The way of the old tool: each pair at all levels, recordings whole, the hours of all levels together."""
    grid = {"snr_levels_db": [0, 10, 20], "whole": True, "noise_only_p": 0, "clean_only_p": 0, "noises": [1, 1],
            "gap_s": [0.2, 0.2], "excluded_noises": ["k0", "k1"]}  # fmt: skip
    summary = prepare_noisy(config(hours={"train": 0.01}, noising=grid))
    assert summary.items.keys() == {"train"}
    assert 36 <= summary.seconds < 38
    table = open_table(summary.table)
    assert [recipe.snr_db for recipe in table.recipes[:6]] == [0, 10, 20, 0, 10, 20]
    # Two recordings of half a second, and 0.2 s between them.
    assert {recipe.samples for recipe in table.recipes} == {19_200}
    labels = table.noise.column("label")
    assert not {labels[n.cut.row] for r in table.recipes for n in r.noises} & {"k0", "k1"}


def test_a_table_is_proven_before_it_is_written(config, monkeypatch, tmp_path: Path) -> None:
    right = rendering._noise_gain
    monkeypatch.setattr(rendering, "_noise_gain", lambda *told: float(np.sqrt(right(*told))))
    with pytest.raises(DataError, match=r"dB of speech to noise|a level of"):
        prepare_noisy(config())
    assert not (tmp_path / "t.parquet").exists()


def test_mistakes(config) -> None:
    with pytest.raises(ConfigError, match=r"ends in \.parquet"):
        prepare_noisy(config(out="data/noisy"))
    with pytest.raises(ConfigError, match="no items at all"):
        prepare_noisy(config(items={"train": 0}))


def test_files_are_rendered_by_whoever_spreads_the_work(config, tmp_path: Path) -> None:
    def spread(make, arguments, items):
        workers = [make(*arguments) for _ in range(2)]
        return [workers[number % 2](item) for number, item in enumerate(items)]

    here = prepare_noisy(config(render=str(tmp_path / "here")))
    prepare_noisy(config(render=str(tmp_path / "there")), spread=spread)
    files = {path.relative_to(tmp_path / "here"): path.read_bytes() for path in (tmp_path / "here").rglob("*.*")}
    assert files == {p.relative_to(tmp_path / "there"): p.read_bytes() for p in (tmp_path / "there").rglob("*.*")}
    assert len(files) == 1 + 47 * 3 - here.clean_only
    assert read_manifest(f"{here.rendered}/pairs.csv").column("split").to_pylist().count("test") == 9
    table, pairs = open_table(here.table), read_pairs(f"{here.rendered}/pairs.csv")
    assert [pair.id for pair in pairs] == [recipe.id for recipe in table.recipes]
    assert [pair.snr_db for pair in pairs] == pytest.approx([recipe.snr_db for recipe in table.recipes], abs=1e-3)
    both = next(index for index, recipe in enumerate(table.recipes) if np.isfinite(recipe.snr_db))
    assert set(pairs[both].noise.split("+")) <= {f"k{n}" for n in range(10)}
    item = Pairs(pairs, 16_000).item(0, both)
    noise_N, _ = soundfile.read(str(tmp_path / "here" / "train" / "noise" / f"{pairs[both].id}.wav"), dtype="float32")
    assert np.abs(item.noisy_N - item.clean_N - noise_N).max() < 1e-4


def test_from_the_command_line(corpus, noise, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "t.parquet")
    noising = json.dumps({**NOISING, "noise_corpus": str(noise.path)})
    words = [f"corpus={corpus.path}", f"out={out}", f"noising={noising}", "split.validation=0.5"]
    assert cli.main(["prepare", "noisy", "--smoke", *words]) == 0
    assert cli.main(["prepare", "check", out, str(corpus.path)]) == 0
    assert "t.parquet: no leak between splits" in capsys.readouterr().out
