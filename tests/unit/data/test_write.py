from pathlib import Path

import fsspec
import numpy as np
import pytest

from sonant.data.corpus import Corpus, Skipped
from sonant.data.source import Clip
from sonant.data.write import write_corpus
from sonant.errors import DataError


def test_nothing_to_write_is_an_error_that_says_why(tmp_path: Path) -> None:
    skipped = [Skipped(path="a.wav", reason="a.wav is noise")]
    with pytest.raises(DataError, match=r"all 1 files were refused.*a\.wav is noise") as caught:
        write_corpus(str(tmp_path / "out"), [], name="none", sample_rate_hz=8000, skipped=skipped)
    assert caught.value.code == "data.empty"
    assert list(tmp_path.iterdir()) == []


def test_what_is_skipped_on_the_way_is_recorded(tmp_path: Path) -> None:
    skipped: list[Skipped] = []

    def clips():
        skipped.extend(Skipped(path=f"{n}", reason="bad") for n in range(30))
        yield Clip("c", "c", label="a", speaker="s", session="x", licence="CC0"), np.ones(4, np.int16)

    url = str(tmp_path / "out")
    write_corpus(url, clips(), name="some", sample_rate_hz=8000, skipped=skipped, config={"kind": "folder"})
    corpus = Corpus.open(url)
    assert corpus.info.skipped == 30
    assert len(corpus.info.skipped_examples) == 20
    assert corpus.info.config == {"kind": "folder"}
    row = corpus.table.to_pylist()[0]
    assert row["corpus"] == "some"
    assert (row["speaker"], row["session"], row["licence"]) == ("s", "x", "CC0")


def test_an_upload_ends_with_what_vouches_for_it() -> None:
    url = "memory://uploads/whole"
    write_corpus(url, [(Clip("c", "c", label="a"), np.ones(4, np.int16))], name="some", sample_rate_hz=8000)
    memory = fsspec.filesystem("memory")
    times = {path: memory.modified(path) for path in memory.find("/uploads/whole")}
    assert len(times) == 3
    assert max(times, key=lambda path: times[path]) == "/uploads/whole/corpus.json"


def test_a_failed_upload_over_an_old_corpus_leaves_none(tmp_path: Path) -> None:
    url = "memory://uploads/half"
    memory = fsspec.filesystem("memory")
    clip = (Clip("c", "c", label="a"), np.ones(4, np.int16))
    write_corpus(url, [clip], name="some", sample_rate_hz=8000)
    memory.rm("/uploads/half/shards", recursive=True)
    memory.pipe_file("/uploads/half/shards", b"a file is in the way")
    with pytest.raises(OSError, match="shards"):
        write_corpus(url, [clip], name="some", sample_rate_hz=8000)
    with pytest.raises(DataError, match=r"no corpus\.json"):
        Corpus.open(url)
