"""API keys: what the file keeps, who is let in, and how soon a change counts."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from sonant.edge import keys
from sonant.edge.keys import Keyring
from sonant.errors import ConfigError


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "new" / "keys.json")


def made(path: str, name: str = "ada", rights: str = "infer,stream", **limits: float) -> str:
    key, token = keys.create(name, keys.rights(rights), **limits)
    keys.add(path, key)
    return token


def test_the_file_keeps_no_key_and_is_its_owners(path: str) -> None:
    token = made(path)
    text = Path(path).read_text(encoding="utf-8")
    assert token not in text
    assert token.rpartition("_")[2] not in text
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert [one.name for one in Path(path).parent.iterdir()] == ["keys.json"], "nothing half-written is left"


def test_a_key_is_found_and_nothing_like_it(path: str) -> None:
    token = made(path)
    ring = Keyring(path)
    found = ring.find(token.encode())
    assert found is not None
    assert (found.name, found.rights) == ("ada", ("infer", "stream"))
    assert ring.by_id(found.id) == found
    for wrong in (token[:-1], token + "x", token.upper(), found.id, found.sha256, ""):
        assert ring.find(wrong.encode()) is None


def test_tokens_are_256_random_bits(path: str) -> None:
    tokens = {keys.create("a", ("infer",))[1] for _ in range(50)}
    assert len(tokens) == 50
    assert all(len(token.split("_", 2)[2]) == 43 for token in tokens)


def test_a_key_ends(path: str) -> None:
    token = made(path, life_s=60.0)
    ends = keys.read(path).keys[0].expires
    assert ends is not None
    clock = Clock()
    clock.now = ends - 1
    ring = Keyring(path, now=clock)
    assert ring.find(token.encode()) is not None
    clock.now = ends
    assert ring.find(token.encode()) is None
    assert ring.by_id(keys.read(path).keys[0].id) is None


def test_changes_count_a_second_later(path: str) -> None:
    first = made(path)
    clock = Clock()
    ring = Keyring(path, clock=clock)
    second = made(path, "ben", "admin")
    assert keys.revoke(path, "ada").name == "ada"
    assert ring.find(first.encode()) is not None, "it looks once a second"
    clock.now += 1.1
    assert ring.find(first.encode()) is None
    assert ring.find(second.encode()) is not None


@pytest.mark.parametrize("harm", ["gone", "cut", "no json", "writable"])
def test_a_file_that_cannot_be_trusted_lets_nobody_in(path: str, harm: str, caplog: pytest.LogCaptureFixture) -> None:
    token = made(path)
    clock = Clock()
    ring = Keyring(path, clock=clock)
    text = Path(path).read_text(encoding="utf-8")
    if harm == "gone":
        os.remove(path)
    elif harm == "writable":
        os.chmod(path, 0o666)
    else:
        Path(path).write_text(text[:-20] if harm == "cut" else "hello", encoding="utf-8")
    clock.now += 2
    assert ring.find(token.encode()) is None
    assert "nobody is let in" in caplog.text
    with pytest.raises(ConfigError):
        Keyring(path)


def test_a_name_is_taken_once_and_revoked_by_name_or_id(path: str) -> None:
    made(path)
    with pytest.raises(ConfigError, match="already"):
        made(path)
    with pytest.raises(ConfigError, match="no key"):
        keys.revoke(path, "eve")
    keys.revoke(path, keys.read(path).keys[0].id)
    assert keys.read(path).keys == ()


def test_two_who_add_at_once_lose_nothing(path: str) -> None:
    threads = [threading.Thread(target=made, args=(path, f"n{number}")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys.read(path).keys) == 8


@pytest.mark.parametrize("name", ["", "a b", "../a", "a\nb", "x" * 65, "-a"])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(ConfigError, match="no name"):
        keys.create(name, ("infer",))


def test_wrong_rights_and_limits_are_told() -> None:
    with pytest.raises(ConfigError, match="'root'"):
        keys.rights("infer,root")
    with pytest.raises(ConfigError, match="opens nothing"):
        keys.rights(" , ")
    with pytest.raises(ConfigError, match="above zero"):
        keys.create("a", ("infer",), requests_per_min=0)


def test_a_list_shows_no_hash(path: str) -> None:
    made(path, life_s=60.0, audio_s_per_min=5.0)
    shown = keys.told(keys.read(path).keys[0])
    assert set(shown) == {"id", "name", "rights", "created", "expires", "audio_s_per_min"}
