"""Versions stay, aliases move, and every move is remembered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sonant.errors import BundleError
from sonant.export.bundle import digests, publish, seal
from sonant.export.store import history, listing, promote, rollback
from sonant.runtime.bundle import open_bundle


@pytest.fixture
def versions(tiny_bundle: Path, tmp_path: Path) -> list[str]:
    """Three versions of the tiny bundle."""
    bundle = open_bundle(tiny_bundle)
    contents = {name: bundle.read(name) for name in bundle.info.files}
    places: list[str] = []
    for number in range(3):
        changed = contents | {"card.md": f"# version {number}\n".encode()}
        info = bundle.info.model_copy(update={"version": f"v{number}", "files": digests(changed)})
        places.append(publish(seal(info, changed), str(tmp_path / f"bundle{number}")))
    return places


def test_promoting_copies_once_and_moves_the_alias(versions: list[str], tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    assert promote(versions[0], "champion", store) == f"{store}/tiny/v0"
    promote(versions[1], "canary", store)
    promote(f"{store}/tiny@canary", "champion", store)
    assert listing(store) == {"tiny": {"v0": [], "v1": ["canary", "champion"]}}
    assert open_bundle(f"{store}/tiny@champion").info.version == "v1"
    moves = [(move.alias, move.version) for move in history(store, "tiny")]
    assert moves == [("champion", "v0"), ("canary", "v1"), ("champion", "v1")]


def test_rolling_back_goes_to_the_version_before(versions: list[str], tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    for version in versions:
        promote(version, "champion", store)
    assert rollback(store, "tiny", "champion") == f"{store}/tiny/v1"
    assert open_bundle(f"{store}/tiny@champion").info.version == "v1"
    assert len(history(store, "tiny")) == 4


def test_rolling_back_twice_goes_further(versions: list[str], tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    for version in versions:
        promote(version, "champion", store)
    assert [rollback(store, "tiny", "champion") for _ in range(2)] == [f"{store}/tiny/v1", f"{store}/tiny/v0"]
    with pytest.raises(BundleError, match="never meant another version"):
        rollback(store, "tiny", "champion")
    promote(versions[2], "champion", store)
    promote(versions[0], "champion", store)
    assert rollback(store, "tiny", "champion") == f"{store}/tiny/v2"


def test_a_version_may_be_named(versions: list[str], tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    for version in versions[:2]:
        promote(version, "champion", store)
    assert open_bundle(f"{store}/tiny@v0").info.version == "v0"
    assert open_bundle(f"{store}/tiny@champion=v0").info.version == "v0"
    with pytest.raises(BundleError, match="no alias or version 'v2'"):
        open_bundle(f"{store}/tiny@v2")
    with pytest.raises(BundleError, match="cannot be a name"):
        open_bundle(f"{store}/tiny@champion=..")
    other = open_bundle(versions[2])
    for name in ("bundle.json", "bundle.sha256"):
        (tmp_path / "store" / "tiny" / "v0" / name).write_bytes((other.path / name).read_bytes())
    with pytest.raises(BundleError, match="differs from its recorded hash"):
        open_bundle(f"{store}/tiny@champion=v0")


def test_writers_wait_for_each_other(versions: list[str], tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    for version in versions:
        promote(version, "champion", store)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: promote(f"{store}/tiny@v{number % 3}", f"alias{number}", store), range(16)))
    assert {move.alias for move in history(store, "tiny")} == {"champion", *(f"alias{n}" for n in range(16))}


def test_there_may_be_nothing_to_go_back_to(versions: list[str], tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    promote(versions[0], "champion", store)
    promote(versions[0], "champion", store)
    for alias in ("champion", "canary"):
        with pytest.raises(BundleError, match="never meant another version"):
            rollback(store, "tiny", alias)


def test_a_version_in_the_store_is_not_replaced(versions: list[str], tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    promote(versions[0], "champion", store)
    bundle = open_bundle(versions[1])
    contents = {name: bundle.read(name) for name in bundle.info.files}
    impostor = publish(seal(bundle.info.model_copy(update={"version": "v0"}), contents), str(tmp_path / "impostor"))
    with pytest.raises(BundleError, match="another bundle of the same version"):
        promote(impostor, "champion", store)
    assert open_bundle(f"{store}/tiny@champion").read("card.md") == b"# version 0\n"


def test_only_sound_bundles_are_promoted(versions: list[str], tmp_path: Path) -> None:
    (Path(versions[0]) / "card.md").write_text("changed")
    with pytest.raises(BundleError):
        promote(versions[0], "champion", str(tmp_path / "store"))
    with pytest.raises(BundleError, match="cannot be a name"):
        promote(versions[1], "../champion", str(tmp_path / "store"))
    assert not (tmp_path / "store").exists()


def test_an_empty_store_lists_nothing(tmp_path: Path) -> None:
    assert listing(str(tmp_path / "store")) == {}
    assert history(str(tmp_path / "store"), "tiny") == ()
