"""Recordings and a table of spans."""

from pathlib import Path

import numpy as np
import pytest

from sonant.config.prepare import PrepareJoin, PrepareSpans
from sonant.data.corpora.spans import plan
from sonant.data.corpus import Corpus
from sonant.data.prepare import prepare
from sonant.data.source import Span
from sonant.errors import DataError


def config(tmp_path: Path, manifest: str, spans: str | None, **settings: object) -> PrepareSpans:
    (tmp_path / "m.csv").write_text(manifest)
    if spans is not None:
        (tmp_path / "s.csv").write_text(spans)
        settings["spans"] = str(tmp_path / "s.csv")
    return PrepareSpans.model_validate(
        {"manifest": str(tmp_path / "m.csv"), "out": str(tmp_path / "corpus"), "workers": 1, **settings}
    )


def test_spans_belong_to_their_recording_in_order_of_time(tmp_path: Path) -> None:
    spans = "path,t_start,t_end,label\na.wav,2,3,S\na.wav,0.5,1,S\nc.wav,0,1,S\n"
    a, b = plan(config(tmp_path, "path,label\na.wav,meeting\nb.wav,meeting\n", spans, labels={"S": "speech"})).clips
    assert a.spans == [Span(0.5, 1.0, "speech"), Span(2.0, 3.0, "speech")]
    assert (b.spans, a.label) == ([], "")


def test_a_part_of_a_recording_has_its_part_of_the_spans(tmp_path: Path) -> None:
    spans = "path,start_s,end_s,label\na.wav,0.5,1.5,x\na.wav,2.5,9,x\n"
    (clip,) = plan(config(tmp_path, "path,start_s,duration_s\na.wav,1,2\n", spans)).clips
    assert clip.spans == [Span(0.0, 0.5, "x"), Span(1.5, 2.0, "x")]


def test_shared_speakers_make_one_session(tmp_path: Path) -> None:
    manifest = "path,speaker,session\na.wav,A+B,\nb.wav,C,\nc.wav,B+D,\nd.wav,D,own\ne.wav,,\n"
    clips = plan(config(tmp_path, manifest, "path,start_s,end_s,label\na.wav,0,1,x\n")).clips
    a, b, c, d, e = (clip.session for clip in clips)
    assert a == c != b
    assert (d, e) == ("own", "")


@pytest.mark.parametrize("row", ["a.wav,1,1,x", "a.wav,x,2,x", "a.wav,-1,2,x", "a.wav,0,inf,x", "a.wav,0,1,"])
def test_what_is_no_span_is_told_by_its_row(tmp_path: Path, row: str) -> None:
    with pytest.raises(DataError, match="row 2"):
        plan(config(tmp_path, "path\na.wav\n", f"path,start_s,end_s,label\na.wav,0,1,x\n{row}\n"))


def test_tables_that_cannot_be_meant(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column end_s"):
        plan(config(tmp_path, "path\na.wav\n", "path,start_s,label\n"))
    with pytest.raises(DataError, match="no span of a recording"):
        plan(config(tmp_path, "path\na.wav\n", "path,start_s,end_s,label\nb.wav,0,1,x\n"))
    with pytest.raises(DataError, match="by_energy"):
        plan(config(tmp_path, "path\na.wav\n", None))
    with pytest.raises(DataError, match="outside"):
        plan(config(tmp_path, "path\na.wav\n", "path,start_s,end_s,label\n../b.wav,0,1,x\n"))


def test_the_corpus_keeps_spans_and_a_join_carries_them_on(tmp_path: Path, write_wav) -> None:
    for name in ("a", "b"):
        write_wav(tmp_path / f"{name}.wav", seed=ord(name), seconds=0.5)
    given = config(tmp_path, "path\na.wav\nb.wav\n", "path,start_s,end_s,label\na.wav,0.1,0.3,talk\n")
    plain = prepare(given)
    corpus = Corpus.open(given.out)
    assert corpus.spans_R == [[Span(0.1, 0.3, "talk")], []]
    other = config(tmp_path, "path\nb.wav\n", None, by_energy="talk", out=str(tmp_path / "other"))
    prepare(other)
    joined = PrepareJoin(corpora=(given.out, other.out), labels={"talk": "speech"}, out=str(tmp_path / "j"), workers=1)
    prepare(joined)
    spans = Corpus.open(joined.out).spans_R
    assert spans is not None
    assert spans[0] == [Span(0.1, 0.3, "talk")]
    assert {span.label for span in spans[2]} == {"speech"}
    again = prepare(given.model_copy(update={"spans": None, "by_energy": "talk"}))
    assert again.hash != plain.hash  # spans are content


def test_clips_without_spans_join_no_recordings_with_them(tmp_path: Path, make_corpus) -> None:
    from sonant.data.source import Clip
    from sonant.data.write import write_corpus

    plain = make_corpus([{"speaker": "s"}])
    assert plain.spans_R is None
    url = str(tmp_path / "spans")
    write_corpus(url, [(Clip("a", "a", spans=[]), np.ones(800, np.int16))], name="x", sample_rate_hz=16_000)
    with pytest.raises(DataError, match="spans"):
        prepare(PrepareJoin(corpora=(url, str(plain.path)), out=str(tmp_path / "j"), workers=1))
