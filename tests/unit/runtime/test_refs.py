"""Paths, URLs and names in a store all lead to one verified folder."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from sonant.errors import BundleError
from sonant.export.store import promote
from sonant.runtime.bundle import open_bundle
from sonant.runtime.refs import locate, read_aliases

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SONANT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def bucket() -> Iterator[str]:
    name = f"/bucket-{uuid.uuid4().hex}"
    yield f"memory:/{name}"
    fsspec.filesystem("memory").rm(name, recursive=True)


def test_an_alias_leads_to_the_version_that_was_promoted(write: Write, tmp_path: Path) -> None:
    store = str(tmp_path / "store")
    promote(str(write()), "champion", store)
    for ref in (f"{store}/words@champion", f"{store}/words/20260801t101500-3fb2a1c9"):
        assert open_bundle(ref).info.name == "words"
    assert locate(f"{store}/words@champion").digest is not None


def test_an_alias_pins_the_bytes(write: Write, tmp_path: Path) -> None:
    store = tmp_path / "store"
    promote(str(write()), "champion", str(store))
    place = store / "words" / "20260801t101500-3fb2a1c9"
    shutil.rmtree(place)
    write(str(place), metrics={"test.accuracy": 1.0})
    assert open_bundle(place), "the other bundle is sound in itself"
    with pytest.raises(BundleError) as caught:
        open_bundle(f"{store}/words@champion")
    assert caught.value.code == "bundle.tampered"


def test_a_url_is_copied_to_the_cache_once(write: Write, bucket: str, cache: Path) -> None:
    url = f"{bucket}/bundle"
    write(url)
    bundle = open_bundle(url)
    assert bundle.path == cache / "bundles" / bundle.digest
    fsspec.filesystem("memory").pipe_file(f"{url.removeprefix('memory:/')}/model.onnx", b"changed")
    assert open_bundle(url).read("model.onnx") == b"a graph", "the copy is whole, whatever became of the original"
    (bundle.path / "model.onnx").write_bytes(b"changed")
    with pytest.raises(BundleError, match="differs from its recorded hash"):
        open_bundle(url)


def test_a_half_written_bucket_leaves_no_copy(write: Write, bucket: str, cache: Path) -> None:
    url = f"{bucket}/bundle"
    write(url)
    fsspec.filesystem("memory").rm(f"{url.removeprefix('memory:/')}/step.onnx")
    with pytest.raises(BundleError, match=r"step\.onnx"):
        open_bundle(url)
    fsspec.filesystem("memory").pipe_file(f"{url.removeprefix('memory:/')}/Odd Name", b"x")
    shutil.rmtree(cache)
    with pytest.raises(BundleError):
        open_bundle(url)
    assert list((cache / "bundles").iterdir()) == []


def test_a_store_may_be_a_bucket(write: Write, bucket: str) -> None:
    place = promote(str(write()), "champion", bucket)
    assert place.startswith(bucket)
    assert open_bundle(f"{bucket}/words@champion").info.id == "words/20260801t101500-3fb2a1c9"


@pytest.mark.parametrize(
    "ref",
    [
        "http://example.org/bundle",
        "simplecache::http://example.org/bundle",
        "simplecache::file:///etc",
        "github://owner:repo@main/bundle",
        "ftp://example.org/bundle",
        "zip://bundle::file:///tmp/x.zip",
    ],
)
def test_other_protocols_are_refused(ref: str) -> None:
    with pytest.raises(BundleError, match="can hold bundles"):
        open_bundle(ref)


@pytest.mark.parametrize("ref", ["words@%2e%2e", "..@champion", "words@", "@champion", "Words@champion", "words@a@b"])
def test_names_of_a_store_are_plain(ref: str, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be a name"):
        open_bundle(f"{tmp_path}/{ref}")


def test_an_unknown_alias_is_said_so(write: Write, tmp_path: Path) -> None:
    promote(str(write()), "champion", str(tmp_path / "store"))
    with pytest.raises(BundleError, match="no alias or version 'canary'"):
        open_bundle(f"{tmp_path}/store/words@canary")
    with pytest.raises(BundleError, match="no alias or version 'champion'"):
        open_bundle(f"{tmp_path}/store/other@champion")


def test_a_damaged_alias_table_is_refused(write: Write, tmp_path: Path) -> None:
    promote(str(write()), "champion", str(tmp_path / "store"))
    table = tmp_path / "store" / "words" / "aliases.json"
    table.write_text(table.read_text().replace("20260801t101500-3fb2a1c9", "../../elsewhere"))
    with pytest.raises(BundleError, match="no alias table"):
        read_aliases(str(tmp_path / "store"), "words")
