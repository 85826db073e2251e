from pathlib import Path

import numpy as np

from sonant.audio.decode import decode_path
from sonant.data.recipes.files import listing, render_items, write_waves


def test_rows_of_other_columns_have_empty_cells() -> None:
    rows = [{"id": "a", "s2": 1}, {"id": "b", "s1": 2, "s2": 3}]
    assert listing(rows, lambda name: name.startswith("s")) == "s1,s2,id\n,1,a\n2,3,b\n"


def test_a_list_of_nothing_needs_no_worker(tmp_path: Path) -> None:
    def never(*arguments: object):
        raise AssertionError

    assert render_items(never, (), [], f"{tmp_path}/l.csv", spread=None, sort=lambda name: False) == 0
    assert (tmp_path / "l.csv").is_file()


def test_waves_are_written_below_a_folder(tmp_path: Path) -> None:
    wav_N = np.linspace(-0.5, 0.5, 800).astype(np.float32)
    write_waves(f"{tmp_path}/new/", {"a/b.wav": wav_N}, 16_000)
    assert np.abs(decode_path(f"{tmp_path}/new/a/b.wav", rate_hz=16_000, max_s=1) - wav_N).max() < 1e-4
