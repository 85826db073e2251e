"""Windows made of pieces."""

import numpy as np

from sonant.config.data import Pieces
from sonant.data.pieces import lay_out
from sonant.data.source import Span, Spans

RATE_HZ = 1000


def recording(which: float) -> tuple[np.ndarray, Spans]:
    """A second of something loud between two half seconds of something faint."""
    wav_N = np.full(2000, 10, np.int16)
    wav_N[500:1500] = 1000
    return wav_N, [Span(0.5, 1.5, "x")]


def made(seed: int, **settings: object) -> tuple[np.ndarray, Spans]:
    cfg = Pieces.model_validate({"empty": 0.0, **settings})
    return lay_out(cfg, np.random.default_rng(seed), recording, None, 6000, RATE_HZ)


def test_spans_lie_where_their_pieces_lie() -> None:
    heard = 0.0
    for seed in range(20):
        wav_N, spans = made(seed)
        loud_N = np.zeros(len(wav_N), bool)
        for span in spans:
            loud_N[round(span.start_s * RATE_HZ) : round(span.end_s * RATE_HZ)] = True
        assert np.abs(wav_N[~loud_N]).max() <= 10
        # The fades at the ends of pieces are the only faint samples inside.
        assert (np.abs(wav_N[loud_N]) > 500).mean() > 0.95
        heard += loud_N.mean() / 20
    assert 0.1 < heard < 0.6


def test_windows_without_pieces_hold_noise() -> None:
    wav_N, spans = made(0, empty=1.0)
    assert spans == []
    assert wav_N.std() > 1
    cfg = Pieces(empty=1.0)
    noise = np.arange(6000, dtype=np.int16)
    taken_N, _ = lay_out(cfg, np.random.default_rng(0), recording, lambda which, where: noise, 6000, RATE_HZ)
    assert taken_N is noise


def test_pure_in_the_generator() -> None:
    (first_N, first), (second_N, second) = made(3), made(3)
    assert np.array_equal(first_N, second_N)
    assert first == second
    assert not np.array_equal(first_N, made(4)[0])
