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


def voice(seed: int, seconds: float, rate_hz: int = RATE_HZ) -> NDArray[np.int16]:
    """Syllables: noise whose level rises and falls four times a second; never zero."""
    generator = np.random.default_rng(seed)
    samples = round(seconds * rate_hz)
    level_N = 0.3 + np.sin(np.pi * 4 * np.arange(samples) / rate_hz) ** 2
    wav_N = generator.uniform(200, 2000) * level_N * generator.standard_normal(samples)
    pcm_N = np.clip(wav_N, -32000, 32000).astype(np.int16)
    pcm_N[pcm_N == 0] = 1
    return pcm_N


@pytest.fixture(scope="session")
def voices_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Twelve speakers: a, b, ... for training, two for validation, two for test; each has two chapters of three
    recordings of 0.5 to 1.5 s, but the last training speaker, who has one recording only."""
    clips: list[tuple[Clip, NDArray[np.int16]]] = []
    for number, speaker in enumerate("abcdefghijkl"):
        split = "test" if number >= 10 else "validation" if number >= 8 else "train"
        for take in range(1 if speaker == "h" else 6):
            name = f"{speaker}{take}"
            told = {"speaker": speaker, "session": f"{speaker}-{take // 3}", "split": split}
            clips.append((Clip(name, name, **told), voice(100 * number + take, 0.5 + take / 5)))
    folder = str(tmp_path_factory.mktemp("voices") / "corpus")
    write_corpus(folder, clips, name="voices", sample_rate_hz=RATE_HZ)
    return Corpus.open(folder)


@pytest.fixture(scope="session")
def noise_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Thirty recordings of noise, some shorter than a mixture, with zeros around them."""
    clips = [(Clip(f"n{k}", f"n{k}"), np.pad(voice(1000 + k, 0.2 + k / 10), (50, 100))) for k in range(30)]
    folder = str(tmp_path_factory.mktemp("noises") / "corpus")
    write_corpus(folder, clips, name="noises", sample_rate_hz=RATE_HZ)
    return Corpus.open(folder)


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Corpus, str], NDArray[np.int64]]:
    """rows_of(corpus, split)."""
    return lambda corpus, split: np.flatnonzero(np.array(corpus.column("split")) == split)
