"""Enrolments: whole files, unguessable names, an end, and no comparing of what cannot be compared."""

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path
from typing import Any

import pytest

from sonant.edge.speakers import Speaker, SpeakerStore, new_id
from sonant.errors import ConfigError, RequestError
from sonant.runtime.bundle import open_bundle


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def speaker(**changes: Any) -> Speaker:
    plain = {"id": new_id(), "created": 1000.0, "expires": 1100.0, "model": "m/1", "recordings": 1}
    return Speaker(**{**plain, "duration_s": 2.0, "vector": (0.6, 0.8), **changes})


@pytest.fixture(params=["folder", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "enrolled") if request.param == "folder" else f"memory://{uuid.uuid4().hex}/enrolled"


def test_what_one_replica_enrols_another_knows_until_its_end(url: str) -> None:
    clock = Clock()
    first, second = SpeakerStore(url, clock), SpeakerStore(url, clock)
    assert second.ids() == []
    one = speaker(name="Ada \u2713")
    first.put(one)
    assert second.get(one.id) == one
    assert second.some(10) == [one]
    clock.time = 1100.0
    with pytest.raises(RequestError) as told:
        second.get(one.id)
    assert told.value.code == "speaker.not_found"
    assert first.ids() == [], "it is removed, not only refused"


def test_the_end_is_noticed_in_lists_too(url: str) -> None:
    store = SpeakerStore(url, clock := Clock())
    early, late = speaker(expires=1001.0), speaker()
    store.put(early)
    store.put(late)
    clock.time = 1050.0
    assert not store.has_room(1)
    assert store.has_room(2)
    assert store.some(10) == [late]


def test_new_ones_drive_out_those_whom_nobody_asks_for(url: str) -> None:
    store = SpeakerStore(url, clock := Clock())
    for _ in range(20):
        store.put(speaker(expires=1001.0))
    clock.time = 1050.0
    assert store.has_room(100)
    assert len(store.ids()) == 4
    assert store.has_room(1)


def test_deleted_is_gone(url: str) -> None:
    store = SpeakerStore(url, Clock())
    store.put(one := speaker())
    store.delete(one.id)
    for call in (store.get, store.delete):
        with pytest.raises(RequestError):
            call(one.id)


def test_lists_go_on_where_they_ended(url: str) -> None:
    store = SpeakerStore(url, Clock())
    made = sorted((speaker() for _ in range(5)), key=lambda one: one.id)
    for one in made:
        store.put(one)
    assert store.some(2) == made[:2]
    assert store.some(9, after=made[1].id) == made[2:]


@pytest.mark.parametrize(
    "name", ["", "../bundle", "spk_", "spk_" + "0" * 31, "spk_" + "g" * 32, "spk_" + "0" * 32 + "\n"]
)
def test_no_other_name_reaches_the_disk(tmp_path: Path, name: str) -> None:
    (tmp_path / "bundle.json").write_text("{}", encoding="ascii")
    with pytest.raises(RequestError, match="no speaker"):
        SpeakerStore(str(tmp_path / "enrolled")).get(name)


def test_damaged_and_foreign_files_are_nobody(tmp_path: Path) -> None:
    store, name = SpeakerStore(str(tmp_path)), new_id()
    (tmp_path / f"{name}.json").write_text('{"id": 1}', encoding="ascii")
    (tmp_path / "notes.json").write_text("{}", encoding="ascii")
    assert store.ids() == [name]
    assert store.some(10) == []


def test_files_are_the_servers_own_and_nothing_else_is_left(tmp_path: Path) -> None:
    store = SpeakerStore(str(tmp_path / "enrolled"))
    store.put(one := speaker(expires=1e12))
    assert os.listdir(tmp_path / "enrolled") == [f"{one.id}.json"]
    assert stat.S_IMODE((tmp_path / "enrolled" / f"{one.id}.json").stat().st_mode) == 0o600


def test_ids_differ() -> None:
    assert len({new_id() for _ in range(1000)}) == 1000


def test_other_places_are_refused() -> None:
    with pytest.raises(ConfigError):
        SpeakerStore("http://example.org/speakers")


def test_vectors_of_another_bundle_or_size_are_not_compared(voice_bundle: Path) -> None:
    info = open_bundle(voice_bundle).info
    vector = (1.0,) + (0.0,) * 11
    speaker(model=info.id, vector=vector).check_model(info)
    for other in (speaker(model=f"{info.name}/other", vector=vector), speaker(model=info.id)):
        with pytest.raises(RequestError) as told:
            other.check_model(info)
        assert (told.value.code, told.value.http_status) == ("speaker.mismatch", 409)
