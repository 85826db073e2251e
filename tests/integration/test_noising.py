"""A cluster renders the files that one process renders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sonant import cli
from sonant.data.source import Clip
from sonant.data.write import write_corpus


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_a_cluster_renders_like_one_process(tmp_path: Path) -> None:
    clips = [
        (Clip(f"c{n}", f"c{n}", speaker=f"s{n % 4}", split="train"), np.random.default_rng(n).integers(1, 3000, 16_000))
        for n in range(12)
    ]
    corpus = str(tmp_path / "corpus")
    write_corpus(corpus, [(clip, pcm_N.astype(np.int16)) for clip, pcm_N in clips], name="x", sample_rate_hz=16_000)
    words = [f"corpus={corpus}", f"out={tmp_path / 't.parquet'}", "items={train: 40, validation: 0, test: 0}"]
    words += ["split.validation=0", "noising.item_s=0.5", "noising.noise_only_p=0.2", "noising.codec_p=0.5"]
    assert cli.main(["prepare", "noisy", *words, f"render={tmp_path / 'here'}"]) == 0
    assert cli.main(["prepare", "noisy", *words, f"render={tmp_path / 'there'}", "--cluster"]) == 0
    here, there = (
        {path.relative_to(tmp_path / side): path.read_bytes() for path in (tmp_path / side).rglob("*.*")}
        for side in ("here", "there")
    )
    assert len(here) > 110
    assert there == here
