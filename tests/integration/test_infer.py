"""A cluster gives the answers that one process gives, in the same order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.audio.wav import encode_wav
from sonant.config.ray import RayConfig
from sonant.measure.infer import infer

Clip = Callable[..., NDArray[np.float32]]


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_a_cluster_answers_like_one_process(tone_bundle: Path, clip: Clip, tmp_path: Path) -> None:
    labels = ("rise", "fall", "_silence_")
    for number in range(40):
        wav_N = clip(labels[number % 3], length_s=0.8 + 0.2 * (number % 7), seed=number)
        (tmp_path / f"{number:02d}.wav").write_bytes(encode_wav(wav_N, 16000))
    (tmp_path / "07.wav").write_bytes(b"broken")
    rows = "\n".join(f"{number:02d}.wav,{0.1 * (number % 2)}" for number in range(40))
    (tmp_path / "list.csv").write_text(f"path,start_s\n{rows}\n")
    inputs = [str(tmp_path / "list.csv"), str(tmp_path / "03.wav"), str(tmp_path / "missing.wav")]
    here = list(infer(str(tone_bundle), inputs, top_k=2))
    there = list(infer(str(tone_bundle), inputs, top_k=2, cluster=RayConfig()))
    assert len(here) == 42
    assert there == here
    assert sum("error" in line for line in here) == 2


def test_nothing_to_do_starts_no_cluster(tmp_path: Path) -> None:
    assert list(infer(str(tmp_path / "nothing"), [], cluster=RayConfig())) == []
