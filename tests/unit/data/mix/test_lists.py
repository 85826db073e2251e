"""Lists of others and our own: LibriMix with its map of enrolments, and mixtures.csv."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sonant.audio.wav import encode_wav
from sonant.config.mix import Mixing
from sonant.data.mix.files import render_files
from sonant.data.mix.lists import Lists, read_list
from sonant.data.mix.loader import MixLoader
from sonant.data.mix.mixer import Mixer
from sonant.errors import DataError

MIXES = ("1-10-00_2-20-00", "1-11-05_3-30-01", "2-20-09_3-31-02")


@pytest.fixture
def libri(tmp_path: Path) -> Path:
    """Three mixtures as LibriMix writes them: mix_clean/, s1/, s2/ and a list with paths from the root."""
    lines = ["mixture_ID,mixture_path,source_1_path,source_2_path,length"]
    for number, name in enumerate(MIXES):
        waves = {
            kind: np.random.default_rng([number, k]).uniform(-0.3, 0.3, 1600 + 100 * number)
            for k, kind in enumerate(("s1", "s2"))
        }
        waves["mix_clean"] = waves["s1"] + waves["s2"]
        for kind, wav_N in waves.items():
            (tmp_path / kind).mkdir(exist_ok=True)
            (tmp_path / kind / f"{name}.wav").write_bytes(encode_wav(wav_N, 8000))
        paths = [str(tmp_path / kind / f"{name}.wav") for kind in ("mix_clean", "s1", "s2")]
        lines.append(",".join([name, *paths, str(1600 + 100 * number)]))
    (tmp_path / "mixture_test_mix_clean.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_librimix_with_the_map_of_speakerbeam(libri: Path) -> None:
    (libri / "map").write_text(
        f"{MIXES[0]} 1-10-00 s1/{MIXES[1]}\n{MIXES[0]} 2-20-00 s1/{MIXES[2]}\n{MIXES[2]} 3-31-02 s2/{MIXES[2]}\n"
        "9-9-9_8-8-8 9-9-9 s1/other\n"
    )
    first, second, third = read_list(str(libri / "mixture_test_mix_clean.csv"), str(libri / "map"))
    assert (first.id, first.speaker, first.leaks) == (f"{MIXES[0]}/1-10-00", "1", False)
    assert (first.target, first.others) == (f"{libri}/s1/{MIXES[0]}.wav", (f"{libri}/s2/{MIXES[0]}.wav",))
    assert first.references == (f"{libri}/s1/{MIXES[1]}.wav",)
    assert (second.speaker, second.target) == ("2", f"{libri}/s2/{MIXES[0]}.wav")
    # In the published maps it happens: the reference is the target itself.
    assert third.leaks
    item = Lists([first, second, third], 8000).item(0, 1)
    assert item.present
    assert np.allclose(item.rendered.mix_N, item.rendered.target_N + item.rendered.others_KN[0], atol=1e-4)
    assert item.rendered.ref_R.shape == (1800,)
    assert not item.rendered.noise_N.any()


def test_librimix_with_paths_and_several_references(libri: Path) -> None:
    reference = [f"{libri}/s1/{MIXES[1]}.wav,1700", f"s2/{MIXES[1]}.wav,1700"]
    (libri / "mixture2enrollment.csv").write_text(
        f"mixture_id,utterance_id,enr_path1,length1,enr_path2,length2\n{MIXES[0]},1-10-00,{','.join(reference)}\n"
    )
    (item,) = read_list(str(libri / "mixture_test_mix_clean.csv"), str(libri / "mixture2enrollment.csv"))
    assert item.references == (f"{libri}/s1/{MIXES[1]}.wav", f"{libri}/s2/{MIXES[1]}.wav")
    assert Lists([item], 16_000).item(0, 0).rendered.ref_R.shape == (6800,)


def test_lists_that_cannot_be_used(libri: Path) -> None:
    url = str(libri / "mixture_test_mix_clean.csv")
    (libri / "few").write_text("a b\n")
    (libri / "other").write_text("a b s1/c\n")
    (libri / "wrong").write_text(f"{MIXES[0]} 7-7-7 s1/{MIXES[1]}\n")
    (libri / "none.csv").write_text("mixture_ID,mixture_path\n")
    for given, says in (
        ((url,), "nothing says who is wanted"),
        ((url, str(libri / "few")), "line 1: not mixture"),
        ((url, str(libri / "other")), "names none of the mixtures"),
        ((url, str(libri / "wrong")), "has no utterance 7-7-7"),
        ((str(libri / "none.csv"),), "no column source_1_path"),
        ((str(libri / "missing.csv"),), "cannot read"),
    ):
        with pytest.raises(DataError, match=says):
            read_list(*given)


def test_what_we_write_we_read(voices_corpus, rows_of, tmp_path: Path) -> None:
    cfg = Mixing(mix_s=0.5, min_s=0.2, reference_s=(0.3, 0.5), absent_p=0.4, interferers=(0, 2), noise_p=0.5)
    mixer = Mixer(voices_corpus, rows_of(voices_corpus, "train"), cfg, split="train", seed=0)
    recipes = [mixer.recipe(0, index) for index in range(12)]
    folder = str(tmp_path / "out")
    assert render_files(recipes, folder, corpus=str(voices_corpus.path), noise_corpus=None) == 12
    lists = Lists(read_list(f"{folder}/mixtures.csv"), 16_000)
    for index, recipe in enumerate(recipes):
        item, made = lists.item(0, index), mixer.render(recipe)
        assert (item.id, item.speaker, item.present) == (recipe.id, recipe.speaker, recipe.present)
        if recipe.present:
            assert item.rendered.others_KN.shape == made.others_KN.shape
            assert np.allclose(item.rendered.others_KN, made.others_KN, atol=2e-5)
        for name in ("mix_N", "target_N", "ref_R", "noise_N"):
            assert np.allclose(getattr(item.rendered, name), getattr(made, name), atol=2e-5)
    (batch,) = MixLoader(lists, ("a",), batch_size=12, seed=0, training=False).epoch(0)
    assert batch.ids == tuple(recipe.id for recipe in recipes)
