"""The files that an extractor's bundle writes, and what it says of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sonant import cli
from sonant.audio.decode import decode_path
from sonant.audio.wav import encode_wav
from sonant.errors import AudioError, DataError, ModelError
from sonant.measure.infer import infer
from sonant.measure.infer_extract import VoiceWriter, extract_files, listing
from sonant.runtime.bundle import open_bundle
from sonant.runtime.voices import VoiceEngine


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, (name, samples) in enumerate({"a": 1501, "b.c": 800, "me": 900, "too": 500}.items()):
        wav_N = 0.1 * np.random.default_rng(seed).standard_normal(samples)
        (tmp_path / f"{name}.wav").write_bytes(encode_wav(wav_N, 4000))
    (tmp_path / "broken.wav").write_bytes(b"no audio at all")
    return tmp_path


def read(path: Path | str) -> Any:
    return decode_path(str(path), rate_hz=4000, max_s=10)


def test_each_mixture_becomes_a_file_of_its_length(extract_bundle: Path, folder: Path) -> None:
    names = [str(folder / name) for name in ("a.wav", "broken.wav", "b.c.wav")]
    lines = list(extract_files(str(extract_bundle), names, [str(folder / "me.wav"), str(folder / "too.wav")]))
    assert [line["path"] for line in lines] == names
    assert lines[1]["error"]["code"].startswith("audio.")
    engine = VoiceEngine(open_bundle(extract_bundle))
    voice_E = engine.enroll([read(folder / "me.wav"), read(folder / "too.wav")])
    for line, place in ((lines[0], "a.extracted.wav"), (lines[2], "b.c.extracted.wav")):
        assert line["wav"] == str(folder / place)
        mix_N = read(line["path"])
        wanted_N = engine.extract(mix_N, voice_E).wav_BN
        np.testing.assert_allclose(read(line["wav"]), np.clip(wanted_N, -1, 1), atol=1 / 32768)
        assert line["level_db"] == pytest.approx(10 * np.log10((wanted_N**2).sum() / (mix_N**2).sum()), abs=0.01)
        assert (line["presence"] is None) == (not engine.sizes.presence)
        assert line["duration_s"] == len(mix_N) / 4000


def test_the_verb_writes_where_it_is_told(
    extract_bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "out" / "deep"
    words = ["infer", str(extract_bundle), str(folder / "a.wav"), "--reference", str(folder / "me.wav")]
    assert cli.main([*words, "--out", str(out)]) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["wav"] == str(out / "a.extracted.wav")
    assert len(read(line["wav"])) == 1501


def test_a_reference_is_for_extractors_and_they_need_one(extract_bundle: Path, tiny_bundle: Path, folder: Path) -> None:
    with pytest.raises(ModelError, match="needs a reference"):
        list(infer(str(extract_bundle), [str(folder / "a.wav")]))
    with pytest.raises(ModelError, match="takes no reference"):
        extract_files(str(tiny_bundle), [str(folder / "a.wav")], [str(folder / "me.wav")])
    with pytest.raises(AudioError):
        extract_files(str(extract_bundle), [str(folder / "a.wav")], [str(folder / "broken.wav")])


def test_a_list_names_a_reference_for_each_mixture(
    extract_bundle: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As `prepare mix render=` writes it; one mixture may come twice, with two wanted voices."""
    rows = ["id,path,reference_path", "one,a.wav,me.wav", "two,a.wav,too.wav", "three,b.c.wav,broken.wav"]
    (folder / "mixtures.csv").write_text("\n".join(rows) + "\n")
    out = folder / "out"
    assert cli.main(["infer", str(extract_bundle), str(folder / "mixtures.csv"), "--out", str(out)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["path"] for line in lines] == ["a.wav", "a.wav", "b.c.wav"]
    assert lines[2]["error"]["code"].startswith("audio.")
    alone = list(extract_files(str(extract_bundle), [str(folder / "a.wav")], [str(folder / "too.wav")]))
    np.testing.assert_array_equal(read(out / "two.extracted.wav"), read(alone[0]["wav"]))
    assert not np.array_equal(read(out / "one.extracted.wav"), read(out / "two.extracted.wav"))


def test_what_an_actor_of_a_cluster_answers_is_the_same(extract_bundle: Path, folder: Path) -> None:
    (item,) = listing([str(folder / "a.wav")], (str(folder / "me.wav"),))
    writer = VoiceWriter(str(extract_bundle), str(folder), item.references)
    assert json.loads(writer(json.dumps(asdict(item)))) == writer.answer(item)


def test_a_list_without_references_is_told(extract_bundle: Path, folder: Path) -> None:
    (folder / "list.csv").write_text("path\na.wav\n")
    with pytest.raises(DataError, match=r"row 1: not a mixture and a reference"):
        extract_files(str(extract_bundle), [str(folder / "list.csv")])
