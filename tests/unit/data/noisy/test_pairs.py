"""Lists of noisy and clean files: of published sets, and ours."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from sonant.config.prepare import PrepareNoisyPairs
from sonant.data.noisy.loader import NoisyLoader
from sonant.data.noisy.pairs import Pairs, prepare_pairs, read_pairs
from sonant.errors import ConfigError, DataError


def listed(tmp_path: Path, layout: str, **changes):
    told = {"layout": layout, "root": str(tmp_path / "set"), "out": str(tmp_path / "pairs.csv"), **changes}
    summary = prepare_pairs(PrepareNoisyPairs.model_validate(told))
    return summary, {pair.id: pair for pair in read_pairs(summary.table)}


def test_ms_snsd(tmp_path: Path, write_wav) -> None:
    root = tmp_path / "set"
    for part in ("training", "test"):
        for number, snr in ((1, "0.0"), (1, "10.0"), (2, "-5")):
            write_wav(root / f"NoisySpeech_{part}" / f"noisy{number}_SNRdb_{snr}_clnsp{number}.wav")
        write_wav(root / f"CleanSpeech_{part}" / "clnsp1.wav")
        write_wav(root / f"Noise_{part}" / "noisy1_SNRdb_0.0.wav")
    summary, pairs = listed(tmp_path, "ms_snsd", part="test")
    assert (summary.pairs, summary.unpaired) == (2, 1)
    pair = pairs["noisy1_SNRdb_10.0_clnsp1"]
    assert (pair.snr_db, pair.clean) == (10.0, f"{root}/CleanSpeech_test/clnsp1.wav")
    assert listed(tmp_path, "ms_snsd")[0].pairs == 4


def test_voicebank(tmp_path: Path, write_wav) -> None:
    root = tmp_path / "set"
    for part in ("trainset_28spk", "testset"):
        for side in ("noisy", "clean"):
            for name in ("p232_001", "p257_002"):
                write_wav(root / f"{side}_{part}_wav" / f"{name}.wav")
    (root / "log_testset.txt").write_text("p232_001 bus 17.5\n\n")
    summary, pairs = listed(tmp_path, "voicebank", part="test")
    assert (summary.pairs, summary.speakers, summary.noises) == (2, 2, 1)
    known, unknown = pairs["p232_001"], pairs["p257_002"]
    assert (known.noise, known.snr_db, known.speaker) == ("bus", 17.5, "p232")
    assert (unknown.noise, unknown.speaker) == ("", "p257")
    assert math.isnan(unknown.snr_db)


def test_dns(tmp_path: Path, write_wav) -> None:
    root = tmp_path / "set"
    for reverb in ("no_reverb", "with_reverb"):
        write_wav(root / reverb / "noisy" / "clnsp1_train_69005_1_snr15_tl-21_fileid_158.wav")
        write_wav(root / reverb / "noisy" / "book_reader_06709_0_snr-3_tl-30_fileid_2.wav")
        for number in (158, 2):
            write_wav(root / reverb / "clean" / f"clean_fileid_{number}.wav")
    summary, pairs = listed(tmp_path, "dns")
    assert (summary.pairs, summary.speakers, summary.unpaired) == (4, 1, 0)
    pair = pairs["no_reverb/book_reader_06709_0_snr-3_tl-30_fileid_2"]
    assert (pair.snr_db, pair.speaker, pair.clean) == (-3.0, "06709", f"{root}/no_reverb/clean/clean_fileid_2.wav")


def test_pairs_are_loaded_like_recipes(tmp_path: Path, write_wav) -> None:
    for number, seconds in enumerate((0.2, 0.1)):
        write_wav(tmp_path / f"n{number}.wav", seed=number, seconds=seconds)
        write_wav(tmp_path / f"c{number}.wav", seed=9, seconds=seconds - 0.0005)
    (tmp_path / "l.csv").write_text("noisy_path,clean_path,snr_db\nn0.wav,c0.wav,3\nn1.wav,c1.wav,\n")
    pairs = Pairs(read_pairs(f"{tmp_path}/l.csv"), 16_000)
    (batch,) = NoisyLoader(pairs, batch_size=4, seed=0, training=False).epoch(0)
    assert (batch.ids, batch.samples_B.tolist()) == (("n0", "n1"), [3200, 1600])
    assert batch.snr_db_B[0] == 3
    assert batch.snr_db_B[1].isnan()
    assert not batch.clean_BN[1, 1592:].any()
    assert np.array_equal(batch.noisy_BN[0].numpy(), pairs.item(0, 0).noisy_N)


def test_mistakes(tmp_path: Path, write_wav) -> None:
    write_wav(tmp_path / "set" / "a.wav", seconds=0.2)
    write_wav(tmp_path / "set" / "b.wav", seconds=0.1)
    with pytest.raises(DataError, match="no pairs of noisy and clean"):
        listed(tmp_path, "dns")
    with pytest.raises(ConfigError, match=r"ends in \.csv"):
        listed(tmp_path, "dns", out="x.parquet")
    (tmp_path / "l.csv").write_text("noisy_path,clean_path\nset/a.wav,set/b.wav\n")
    with pytest.raises(DataError, match="they are no pair"):
        Pairs(read_pairs(f"{tmp_path}/l.csv"), 16_000).item(0, 0)
    (tmp_path / "l.csv").write_text("noisy\nset/a.wav\n")
    with pytest.raises(DataError, match="no column noisy_path, clean_path"):
        read_pairs(f"{tmp_path}/l.csv")
