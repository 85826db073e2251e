import json
from pathlib import Path

import fsspec
import numpy as np
import pytest

from sonant.data.corpus import Corpus
from sonant.data.source import Clip
from sonant.data.write import write_corpus
from sonant.errors import DataError


def refusal(path: Path | str) -> DataError:
    with pytest.raises(DataError) as caught:
        Corpus.open(str(path))
    return caught.value


def test_opens_what_was_written(make_corpus) -> None:
    pcm = [np.arange(10, dtype=np.int16), np.arange(100, 105, dtype=np.int16)]
    corpus = make_corpus([{"label": "b", "split": "test"}, {"label": "a", "speaker": "s"}], pcm=pcm)
    assert len(corpus) == 2
    assert corpus.labels == ("a", "b")
    assert corpus.sample_rate_hz == 16000
    assert corpus.info.splits == {"": 1, "test": 1}
    assert corpus.column("duration_s") == [10 / 16000, 5 / 16000]
    for row, clip in enumerate(pcm):
        np.testing.assert_array_equal(corpus.read(row), clip)
    assert not corpus.read(0).flags.writeable


def test_the_hash_names_the_content_and_not_the_place(make_corpus) -> None:
    rows = [{"label": "a"}, {"label": "b"}]
    first, same = make_corpus(rows, name="one"), make_corpus(rows, name="one")
    assert first.hash == same.hash
    assert first.hash != make_corpus([{"label": "a"}, {"label": "c"}], name="one").hash
    assert first.hash != make_corpus(rows, name="one", length=801).hash


def test_shards_stay_readable_when_the_corpus_is_replaced(make_corpus) -> None:
    corpus = make_corpus([{"label": "a"}])
    before = corpus.read(0).copy()
    make_corpus([{"label": "a"}], length=10)
    np.testing.assert_array_equal(corpus.read(0), before)


def test_a_folder_without_corpus_json_is_none(make_corpus, tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere").code == "data.not_found"
    corpus = make_corpus([{"label": "a"}])
    (corpus.path / "corpus.json").unlink()
    assert refusal(corpus.path).code == "data.not_found"


def test_another_schema_version_is_refused(make_corpus) -> None:
    file = make_corpus([{"label": "a"}]).path / "corpus.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "schema_version": 2}))
    error = refusal(file.parent)
    assert "schema version 2" in error.message
    assert "prepare it again" in error.hint


@pytest.mark.parametrize("damage", ["{", "[]", '{"schema_version": 1}', "\x00"])
def test_a_damaged_corpus_json_is_refused(make_corpus, damage: str) -> None:
    file = make_corpus([{"label": "a"}]).path / "corpus.json"
    file.write_text(damage)
    assert refusal(file.parent).code == "data.invalid"


def test_a_changed_manifest_is_refused(make_corpus) -> None:
    path = make_corpus([{"label": "a"}]).path
    (path / "manifest.parquet").write_bytes(
        make_corpus([{"label": "b"}], name="other").path.joinpath("manifest.parquet").read_bytes()
    )
    assert "is not the one" in refusal(path).message
    (path / "manifest.parquet").unlink()
    assert "is not the one" in refusal(path).message


def test_a_cut_or_missing_shard_is_refused(make_corpus) -> None:
    shard = make_corpus([{"label": "a"}]).path / "shards" / "00000.bin"
    shard.write_bytes(shard.read_bytes()[:-2])
    assert "shards/00000.bin" in refusal(shard.parents[1]).message
    shard.unlink()
    assert "shards/00000.bin" in refusal(shard.parents[1]).message


def test_a_remote_corpus_is_copied_once_for_each_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONANT_CACHE", str(tmp_path / "cache"))
    url = "memory://bucket/remote"

    def publish(value: int) -> Corpus:
        clip = (Clip("c", "c", label="a"), np.full(5, value, np.int16))
        write_corpus(url, [clip], name="remote", sample_rate_hz=8000)
        return Corpus.open(url)

    first = publish(1)
    assert first.read(0).tolist() == [1] * 5
    memory = fsspec.filesystem("memory")
    memory.rm("/bucket/remote/shards", recursive=True)
    assert Corpus.open(url).read(0).tolist() == [1] * 5
    second = publish(2)
    assert second.read(0).tolist() == [2] * 5
    assert first.path != second.path
    memory.rm("/bucket/remote/corpus.json")
    assert refusal(url).code == "data.not_found"
