"""`sonant prepare mix`: a table over a corpus, and its files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sonant import cli
from sonant.config.prepare import PrepareMix
from sonant.data.manifest import read_manifest
from sonant.data.mix.mixer import Mixer
from sonant.data.mix.table import open_table
from sonant.data.mixing import check_table, prepare_mix
from sonant.errors import ConfigError, DataError

MIXING = {"mix_s": 0.5, "min_s": 0.2, "reference_s": [0.2, 0.4], "absent_p": 0.25, "trim_db": None}


@pytest.fixture
def corpus(make_corpus):
    """Nine speakers of six recordings of half a second; three of them for test."""
    rows = [
        {"speaker": f"s{n % 9}", "session": f"s{n % 9}-{n // 27}", "split": "test" if n % 9 > 5 else ""}
        for n in range(54)
    ]
    return make_corpus(rows, length=8000)


def config(corpus, tmp_path: Path, **changes: Any) -> PrepareMix:
    told = {"corpus": str(corpus.path), "out": str(tmp_path / "t.parquet"), "mixing": MIXING, "seed": 3}
    return PrepareMix.model_validate(
        {**told, "split": {"validation": 0.5}, "items": {"train": 30, "validation": 8, "test": 9}, **changes}
    )


def test_a_table_of_honest_mixtures(corpus, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    summary = prepare_mix(config(corpus, tmp_path), progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (47, 47)
    assert summary.items == {"train": 30, "validation": 8, "test": 9}
    assert summary.speakers == {"train": 3, "validation": 3, "test": 3}
    assert 0 < summary.absent < 24
    table = open_table(summary.table)
    assert len(table.recipes) == 47
    assert summary.seconds == pytest.approx(sum(recipe.samples for recipe in table.recipes) / 16_000, abs=1e-3)
    assert {recipe.speaker for recipe in table.of("test")} == {"s6", "s7", "s8"}
    check_table(summary.table)
    # The same recipes are drawn on the fly.
    rows = np.flatnonzero(np.array(corpus.column("split")) == "test")
    mixer = Mixer(corpus, rows, table.origin.mixing, split="test", seed=3)
    assert table.of("test") == [mixer.recipe(0, index) for index in range(9)]


def test_the_same_config_gives_the_same_bytes(corpus, tmp_path: Path) -> None:
    first = Path(prepare_mix(config(corpus, tmp_path)).table).read_bytes()
    assert Path(prepare_mix(config(corpus, tmp_path)).table).read_bytes() == first
    assert Path(prepare_mix(config(corpus, tmp_path, seed=4)).table).read_bytes() != first


def test_a_corpus_that_leaks_gives_no_table(make_corpus, tmp_path: Path) -> None:
    corpus = make_corpus([{"speaker": f"s{n % 3}", "split": ("train", "test")[n % 2]} for n in range(18)], length=8000)
    with pytest.raises(DataError, match=r"3 speaker.s. in both train and test"):
        prepare_mix(config(corpus, tmp_path, split={"validation": 0}))
    assert not (tmp_path / "t.parquet").exists()


def test_mistakes(corpus, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ends in \.parquet"):
        prepare_mix(config(corpus, tmp_path, out="data/mix"))
    with pytest.raises(ConfigError, match="no mixtures at all"):
        prepare_mix(config(corpus, tmp_path, items={"train": 0}))


def test_files_are_rendered_by_whoever_spreads_the_work(corpus, tmp_path: Path) -> None:
    dealt: list[int] = []

    def spread(make, arguments, items):
        dealt.append(len(items))
        # Two processes, each with half.
        workers = [make(*arguments) for _ in range(2)]
        return [workers[number % 2](item) for number, item in enumerate(items)]

    here = prepare_mix(config(corpus, tmp_path, render=str(tmp_path / "here")))
    prepare_mix(config(corpus, tmp_path, render=str(tmp_path / "there")), spread=spread)
    assert dealt == [47]
    files = {path.relative_to(tmp_path / "here"): path.read_bytes() for path in (tmp_path / "here").rglob("*.*")}
    assert files == {p.relative_to(tmp_path / "there"): p.read_bytes() for p in (tmp_path / "there").rglob("*.*")}
    assert len(files) == 1 + 47 * 4 + here.absent
    manifest = read_manifest(f"{here.rendered}/mixtures.csv")
    assert manifest.column("split").to_pylist() == ["train"] * 30 + ["validation"] * 8 + ["test"] * 9
    assert (tmp_path / "here" / manifest.column("path")[0].as_py()).is_file()


def test_from_the_command_line(corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "t.parquet")
    words = [f"corpus={corpus.path}", f"out={out}", f"mixing={json.dumps(MIXING)}", "split.validation=0.5"]
    assert cli.main(["prepare", "mix", "--smoke", *words]) == 0
    assert cli.main(["prepare", "check", out, str(corpus.path)]) == 0
    assert "t.parquet: no leak between splits" in capsys.readouterr().out
