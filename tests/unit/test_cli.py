"""The command line: words in any order, one-line errors, no traceback for a user's mistake."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from sonant import cli

EXPERIMENT = "name: tiny\nmodel: {kind: tc_resnet}\ndata: {corpus: nowhere}\nsmoke: {train: {epochs: 1}}\n"


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(EXPERIMENT, encoding="utf-8")
    return str(path)


def test_help_lists_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    told = capsys.readouterr().out
    assert all(f"\n  {verb}" in told for verb in cli.VERBS)


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_help(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([verb, "--help"])
    assert ended.value.code == 0
    assert cli.VERBS[verb].about.split(";")[0] in " ".join(capsys.readouterr().out.split())


def test_each_job_is_a_verb_with_a_file() -> None:
    jobs = Path(cli.__file__).parents[2] / "jobs"
    assert {path.stem for path in jobs.glob("[a-z]*.py")} == set(cli.JOBS) <= set(cli.VERBS)


def test_options_and_overrides_come_in_any_order(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", config, "seed=3", "--smoke", "--print", "train.lr=0.5"]) == 0
    told = capsys.readouterr().out
    assert "seed: 3" in told
    assert "lr: 0.5" in told
    assert "epochs: 1\n" in told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["trian"], "did you mean train?"),
        (["validate", "kws/no_such"], "error[config.not_found]"),
        (["validate", "CONFIG", "train.epoch=1"], "did you mean epochs?"),
        (["train", "CONFIG", "--local"], "error[data.not_found]"),
        (["export", "no/such/run"], "error[run.not_found]"),
        (["evaluate", "no/such/bundle"], "error["),
        (["measure", "no/such/bundle"], "error[bundle.not_found]"),
        (["promote", "no/such/bundle", "champion"], "error[bundle.not_found]"),
        (["report", "no/such/run"], "error[run.not_found]"),
        (["prepare", "fsdd", "ROOT=no/such/folder"], "error[data."),
        (["prepare", "check", "no/such/corpus"], "error[data.not_found]"),
        (["ask", "emotions", "no/such.wav"], "error[data.not_found]"),
        (["ask", "classifications", "CONFIG", "--url", "http://127.0.0.1:9"], "error[server.unreachable]"),
        (["submit", "train", "CONFIG", "--address", "http://127.0.0.1:9"], "error[env.cluster]"),
    ],
)
def test_mistakes_are_one_line_with_a_hint(
    words: list[str], says: str, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    assert cli.main([config if word == "CONFIG" else word for word in words]) == 2
    told = capsys.readouterr().err.strip()
    assert says in told
    assert "\n" not in told
    assert sorted(tmp_path.rglob("*")) == before, "a mistake must leave nothing behind"


def test_a_missing_extra_is_named(config: str, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    for name in ["ray", "ray.train", *(name for name in sys.modules if name.startswith("ray."))]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "sonant.train.fit", raising=False)
    assert cli.main(["train", config]) == 2
    told = capsys.readouterr().err
    assert "error[env.missing_extra]: `sonant train` needs ray" in told
    assert "sonant[train,tune,serve]" in told


def test_models_are_listed_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["models", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {"kind", "params", "macs_per_s", "streams", "hop_ms", "latency_ms"} <= set(rows[0])
