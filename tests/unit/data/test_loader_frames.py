"""Batches of recordings whose spans have labels."""

import numpy as np
import pytest

from sonant.config.data import DataConfig
from sonant.data.corpus import Corpus
from sonant.data.loader import Loader
from sonant.data.source import Clip, Span
from sonant.data.targets import FrameGrid
from sonant.data.write import write_corpus
from sonant.runtime.frames import FrameLayout

GRID = FrameGrid(FrameLayout(frame=160, delay=0, causal=True, window=16_000, context=0), ("x",), 16_000)
PLAIN = {"speed": 0, "gain_db": 0, "noise_p": 0, "room_p": 0, "floor_dbfs": (-200, -199), "shift_ms": 300}


@pytest.fixture
def corpus(tmp_path) -> Corpus:
    """Recordings of 3 s and 0.5 s: what is loud (1000) is a span, the rest is 1."""
    clips = []
    for number, seconds in enumerate((3.0, 3.0, 0.5)):
        pcm_N = np.ones(round(seconds * 16_000), np.int16)
        spans = [Span(at, at + 0.2, "x") for at in np.arange(0.1 * (1 + number), seconds - 0.2, 0.5).tolist()]
        for span in spans:
            pcm_N[round(span.start_s * 16_000) : round(span.end_s * 16_000)] = 1000 + number
        clips.append((Clip(f"c{number}", f"c{number}", spans=spans), pcm_N))
    write_corpus(str(tmp_path / "c"), clips, name="c", sample_rate_hz=16_000)
    return Corpus.open(str(tmp_path / "c"))


def loader(corpus: Corpus, *, training: bool, **settings: object) -> Loader:
    cfg = DataConfig.model_validate(
        {"corpus": "c", "clip_s": 1.0, "batch_size": 4, "repeat": 8, "augment": PLAIN, **settings}
    )
    rows = np.arange(len(corpus))
    return Loader(corpus, rows, ("x",), cfg, seed=1, training=training, grid=GRID)


def loud(wav_BN) -> np.ndarray:
    """Whether half of a frame is loud."""
    return (np.abs(wav_BN.numpy().astype(int)) > 500).reshape(len(wav_BN), -1, 160).mean(2) >= 0.5


@pytest.mark.parametrize("pieces", [None, {"share": 1.0, "empty": 0.0}])
def test_windows_anywhere_know_what_is_heard_in_them(corpus: Corpus, pieces: object) -> None:
    batches = list(loader(corpus, training=True, pieces=pieces).epoch(0))
    assert len(batches) == 6
    wrong = [np.mean(loud(batch.wav_BN) != batch.target_BTK[..., 0].numpy()) for batch in batches]
    assert np.mean(wrong) < 0.02  # the edges of frames and fades
    assert 0.1 < np.mean([batch.target_BTK.float().mean() for batch in batches]) < 0.6
    assert len({batch.wav_BN[item].numpy().tobytes() for batch in batches for item in range(4)}) > 10


def test_evaluation_takes_each_recording_whole_and_alone(corpus: Corpus) -> None:
    batches = list(loader(corpus, training=False, pieces={"share": 1.0}).epoch(0))
    assert [tuple(batch.wav_BN.shape) for batch in batches] == [(1, 48_000), (1, 48_000), (1, 8000)]
    for number, batch in enumerate(batches):
        assert batch.row_B.tolist() == [number]
        assert np.array_equal(batch.wav_BN[0].numpy(), corpus.read(number))
        assert np.array_equal(loud(batch.wav_BN), batch.target_BTK[..., 0].numpy())
        assert batch.to("cpu").target_BTK is not None
