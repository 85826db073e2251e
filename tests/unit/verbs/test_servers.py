"""`sonant keys` as people type it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sonant import cli
from sonant.edge.keys import Keyring


def test_keys_are_made_listed_and_revoked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "keys.json")
    words = [
        "keys",
        "add",
        "ada",
        "--file",
        file,
        "--rights",
        "infer,enrol",
        "--days",
        "30",
        "--requests-per-min",
        "60",
    ]
    assert cli.main(words) == 0
    made = json.loads(capsys.readouterr().out)
    assert (made["rights"], made["requests_per_min"]) == (["infer", "enrol"], 60)
    assert Keyring(file).find(made["key"].encode()) is not None
    assert cli.main(["keys", "list", "--file", file]) == 0
    told = capsys.readouterr().out
    assert [one["name"] for one in json.loads(told)] == ["ada"]
    assert made["key"] not in told
    assert cli.main(["keys", "revoke", "ada", "--file", file]) == 0
    assert Keyring(file).find(made["key"].encode()) is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["add"], "whose key?"),
        (["add", "a b"], "no name"),
        (["add", "ada", "--rights", "all"], "no right 'all'"),
        (["add", "ada", "--days", "0"], "above zero"),
        (["list"], "error[config.not_found]"),
        (["revoke", "ada"], "error[config.not_found]"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_file(
    words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["keys", *words]) == 2
    told = capsys.readouterr().err.strip()
    assert says in told
    assert "\n" not in told
    assert list(tmp_path.iterdir()) == []
