"""Tiny corpora made on the spot, without decoding anything."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.audio.wav import encode_wav
from sonant.data.corpus import Corpus
from sonant.data.source import Clip, SplitBy
from sonant.data.write import write_corpus

RATE_HZ = 16_000

MakeCorpus = Callable[..., Corpus]
WriteWav = Callable[..., Path]


def samples(row: int, count: int = 800) -> NDArray[np.int16]:
    """Different for each row, and never zero."""
    return np.random.default_rng(row).integers(1, 1000, count).astype(np.int16)


@pytest.fixture
def make_corpus(tmp_path: Path) -> MakeCorpus:
    """make_corpus([{label, speaker, ...}, ...], lengths=..., pcm=...): a corpus with a row for each dict."""

    def make(
        rows: Sequence[dict[str, str]],
        *,
        length: int = 800,
        pcm: Sequence[NDArray[np.int16]] | None = None,
        split_by: SplitBy = "speaker",
        name: str = "tiny",
        rate_hz: int = RATE_HZ,
    ) -> Corpus:
        clips = [Clip(id=f"c{number}", path=f"c{number}", **row) for number, row in enumerate(rows)]
        waves = pcm if pcm is not None else [samples(number, length) for number in range(len(rows))]
        url = str(tmp_path / name)
        write_corpus(url, zip(clips, waves, strict=True), name=name, sample_rate_hz=rate_hz, split_by=split_by)
        return Corpus.open(url)

    return make


@pytest.fixture
def write_wav() -> WriteWav:
    """write_wav(path, seed=, seconds=, rate_hz=): a file of noise; folders are made."""

    def write(path: Path, *, seed: int = 0, seconds: float = 0.1, rate_hz: int = RATE_HZ) -> Path:
        wav_N = np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * rate_hz))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_wav(wav_N, rate_hz))
        return path

    return write
