"""Answers that are kept: whole, under ids that say nothing, until they end."""

from __future__ import annotations

import stat
import uuid
from pathlib import Path

import pytest

from sonant.edge.results import ResultStore
from sonant.errors import ConfigError, RequestError

PIECES = [bytes([number]) * 700_000 for number in range(4)]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(params=["folder", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "kept") if request.param == "folder" else f"memory://{uuid.uuid4().hex}/kept"


def put(store: ResultStore, pieces: list[bytes] = PIECES) -> str:
    return store.put(iter(pieces), size=sum(map(len, pieces)), media="audio/flac", model="m/1").id


def test_what_is_kept_comes_back_whole_to_every_replica(url: str) -> None:
    clock = Clock()
    first, second = (ResultStore(url, ttl_s=60, most=9, now=clock) for _ in range(2))
    name, empty = put(first), put(first, [])
    found = second.get(name)
    assert (found.media, found.model, found.bytes, found.expires) == ("audio/flac", "m/1", 2_800_000, 1060.0)
    pieces = list(second.pieces(name))
    assert b"".join(pieces) == b"".join(PIECES)
    assert max(map(len, pieces)) <= 1 << 20
    assert list(second.pieces(empty)) == []
    second.delete(name)
    for call in (first.get, first.delete):
        with pytest.raises(RequestError) as caught:
            call(name)
        assert caught.value.code == "result.not_found"


def test_it_ends_and_makes_room(url: str) -> None:
    clock = Clock()
    store = ResultStore(url, ttl_s=60, most=2, now=clock)
    names = [put(store, [b"x"]) for _ in range(2)]
    with pytest.raises(RequestError) as caught:
        store.check_room()
    assert caught.value.code == "server.full"
    clock.now += 60
    store.check_room()
    with pytest.raises(RequestError):
        store.get(names[0])
    put(store, [b"y"])
    store.check_room()


@pytest.mark.parametrize("name", ["", "../x", "snd_" + "0" * 32, "spk_" + "0" * 32, "snd_" + "g" * 32])
def test_no_other_name_is_found(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError):
        ResultStore(str(tmp_path), ttl_s=1, most=1).get(name)


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def broken():
        yield b"x"
        raise OSError("disk")

    store = ResultStore(str(tmp_path / "kept"), ttl_s=60, most=2)
    with pytest.raises(OSError, match="disk"):
        store.put(broken(), size=2, media="audio/wav", model="m/1")
    assert list((tmp_path / "kept").iterdir()) == []
    path = tmp_path / "kept" / f"{put(store)}.sound"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_only_places_of_our_own() -> None:
    with pytest.raises(ConfigError):
        ResultStore("https://example.org/kept", ttl_s=1, most=1)
