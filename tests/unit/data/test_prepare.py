from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from sonant.audio.wav import encode_wav
from sonant.config.prepare import CorpusConfig, PrepareFolder, PrepareFsdd, PrepareManifest, PrepareSynth
from sonant.data.corpus import Corpus
from sonant.data.prepare import IMPORTERS, prepare
from sonant.errors import DataError


def test_files_become_a_corpus_at_one_rate(tmp_path: Path, write_wav) -> None:
    for take in range(3):
        write_wav(tmp_path / "in" / f"7_ann_{take + 3}.wav", seed=take, seconds=0.2, rate_hz=8000)
    seen: list[tuple[int, int]] = []
    config = PrepareFsdd(root=str(tmp_path / "in"), out=str(tmp_path / "out"), workers=1)
    summary = prepare(config, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert (summary.clips, summary.labels, summary.splits) == (3, {"7": 3}, {"test": 2, "train": 1})
    corpus = Corpus.open(config.out)
    assert corpus.hash == summary.hash
    assert corpus.samples_R.tolist() == [3200] * 3
    assert corpus.info.config["kind"] == "fsdd"
    assert np.abs(corpus.read(0)).max() > 8000


def test_bad_files_are_skipped_and_listed(tmp_path: Path, write_wav) -> None:
    write_wav(tmp_path / "in" / "yes" / "good.wav")
    write_wav(tmp_path / "in" / "yes" / "long.wav", seconds=0.3)
    (tmp_path / "in" / "yes" / "bad.wav").write_bytes(b"RIFF....WAVE")
    (tmp_path / "in" / "yes" / "void.flac").write_bytes(b"")
    config = PrepareFolder(root=str(tmp_path / "in"), out=str(tmp_path / "out"), workers=1, max_clip_s=0.2)
    summary = prepare(config)
    assert (summary.clips, summary.skipped) == (1, 3)
    assert [skipped.path for skipped in summary.skipped_examples] == ["yes/bad.wav", "yes/long.wav", "yes/void.flac"]
    assert Corpus.open(config.out).info.skipped == 3


def test_nothing_but_bad_files_is_an_error_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "in" / "yes").mkdir(parents=True)
    (tmp_path / "in" / "yes" / "bad.wav").write_bytes(b"RIFF....WAVE")
    config = PrepareFolder(root=str(tmp_path / "in"), out=str(tmp_path / "out"), workers=1)
    with pytest.raises(DataError, match=r"all 1 files were refused.*bad\.wav") as caught:
        prepare(config)
    assert caught.value.code == "data.empty"
    assert not (tmp_path / "out").exists()


def test_parts_of_a_recording_become_clips(tmp_path: Path, write_wav) -> None:
    write_wav(tmp_path / "talk.wav", seconds=1.0)
    (tmp_path / "m.csv").write_text("path,start_s,duration_s,label\ntalk.wav,0.1,0.2,a\ntalk.wav,0.5,0.1,b\n")
    prepare(PrepareManifest(manifest=str(tmp_path / "m.csv"), out=str(tmp_path / "out"), workers=1))
    corpus = Corpus.open(str(tmp_path / "out"))
    assert corpus.samples_R.tolist() == [3200, 1600]
    assert corpus.column("start_s") == [0.1, 0.5]


def test_a_word_that_cannot_be_said_stops_everything(tmp_path: Path) -> None:
    config = PrepareSynth(words=("yes", "..."), voices=3, clips_per_word=3, silence_clips=0, out=str(tmp_path / "out"))
    with pytest.raises(DataError, match=r"says nothing for '\.\.\.'"):
        prepare(config)
    assert not (tmp_path / "out").exists()


def test_every_kind_of_config_has_an_importer() -> None:
    kinds = {kind.model_fields["kind"].default for kind in get_args(CorpusConfig)}
    assert set(IMPORTERS) == kinds


def test_silence_at_the_ends_is_cut_and_the_manifest_tells_where(tmp_path: Path) -> None:
    tone_N = 0.1 * np.sin(np.arange(1600))
    (tmp_path / "in" / "yes").mkdir(parents=True)
    (tmp_path / "in" / "yes" / "a.wav").write_bytes(encode_wav(np.pad(tone_N, (8000, 4000)), 16_000))
    for trim_db, samples, start_s in ((None, 13_600, 0.0), (30.0, 1600 + 2 * 800, 0.45)):
        out = str(tmp_path / f"out{trim_db}")
        prepare(PrepareFolder(root=str(tmp_path / "in"), out=out, workers=1, trim_silence_db=trim_db))
        corpus = Corpus.open(out)
        assert corpus.samples_R.tolist() == [samples]
        assert corpus.column("start_s") == [start_s]
        assert corpus.info.config["trim_silence_db"] == trim_db
