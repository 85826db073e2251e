import numpy as np
import pytest

from sonant.config.prepare import PrepareJoin
from sonant.data.corpus import Corpus
from sonant.data.prepare import prepare
from sonant.errors import DataError


def test_others_add_training_clips_of_shared_labels(make_corpus, tmp_path) -> None:
    rows = [{"label": "1", "speaker": "ann", "split": "test"}, {"label": "2", "speaker": "bob", "split": "train"}]
    digits = make_corpus(rows, name="digits", split_by="take")
    added = [{"label": "one", "speaker": "v1", "split": "test"}, {"label": "cat", "speaker": "v2", "split": "train"}]
    voices = make_corpus(added, name="voices", pcm=[np.arange(1, 500, dtype=np.int16)] * 2)
    config = PrepareJoin(out=str(tmp_path / "both"), corpora=(str(digits.path), str(voices.path)), labels={"one": "1"})
    assert prepare(config).clips == 3
    both = Corpus.open(config.out)
    told = list(zip(both.column("id"), both.column("label"), both.column("speaker"), both.column("split"), strict=True))
    assert told == [
        ("digits/c0", "1", "ann", "test"),
        ("digits/c1", "2", "bob", "train"),
        ("voices/c0", "1", "v1", "train"),
    ]
    assert both.info.split_by == "take"
    assert np.array_equal(both.read(0), digits.read(0))
    assert np.array_equal(both.read(2), voices.read(0))


def test_corpora_that_do_not_fit_are_refused(make_corpus, tmp_path) -> None:
    one = make_corpus([{"label": "1"}], name="one")
    slow = make_corpus([{"label": "1"}], name="slow", rate_hz=8000)
    other = make_corpus([{"label": "cat"}], name="other")
    for second, says in ((slow, "at 8000 Hz, not 16000 Hz"), (other, "shares no label")):
        config = PrepareJoin(out=str(tmp_path / "x"), corpora=(str(one.path), str(second.path)))
        with pytest.raises(DataError, match=says):
            prepare(config)
        assert not (tmp_path / "x").exists()
