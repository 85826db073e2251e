"""Training windows laid out anew: pieces of recordings with pauses between them, or no recording at all.

Read speech has few pauses, and whoever speaks in a recording is heard over the same background all along. Laid out with
pauses, under noise that covers both, it teaches a detector to tell speech from what it is heard in.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sonant.config.data import Pieces
from sonant.data.colour import coloured
from sonant.data.source import Span, Spans

Pcm = NDArray[np.int16]

_FADE_S = 0.005
_EMPTY_DBFS = (-70.0, -20.0)
_SLOPE = (-0.5, 2.0)


def lay_out(
    cfg: Pieces,
    generator: np.random.Generator,
    recording: Callable[[float], tuple[Pcm, Spans]],
    noise: Callable[[float, float], Pcm] | None,
    window: int,
    rate_hz: int,
) -> tuple[Pcm, Spans]:
    """A window of so many samples, and what is heard when in it.

    `recording` gives the one that lies at 0..1 among all, `noise` a window of the noise that lies at (0..1, 0..1).
    """
    wav_N = np.zeros(window, np.int16)
    if generator.random() < cfg.empty:
        which, where = generator.random(2)
        return (_made_noise(generator, window) if noise is None else noise(which, where)), []
    spans: Spans = []
    begin = 0 if generator.random() < 0.5 else _length(generator, cfg.pause_s, rate_hz)
    while begin < window:
        pcm_N, known = recording(generator.random())
        count = min(_length(generator, cfg.piece_s, rate_hz), pcm_N.size)
        first = int(generator.integers(0, pcm_N.size - count + 1))
        piece_N = _faded(pcm_N[first : first + count], round(_FADE_S * rate_hz))[: window - begin]
        wav_N[begin : begin + piece_N.size] = piece_N
        spans += _moved(known, first / rate_hz, count / rate_hz, begin / rate_hz)
        begin += count + _length(generator, cfg.pause_s, rate_hz)
    return wav_N, spans


def _length(generator: np.random.Generator, range_s: tuple[float, float], rate_hz: int) -> int:
    return max(1, round(generator.uniform(*range_s) * rate_hz))


def _faded(pcm_N: Pcm, fade: int) -> Pcm:
    """Without clicks at the ends."""
    if pcm_N.size < 2 * fade:
        return pcm_N
    gain_N = np.ones(pcm_N.size, np.float32)
    gain_N[:fade] = np.linspace(0, 1, fade)
    gain_N[-fade:] = np.linspace(1, 0, fade)
    return (gain_N * pcm_N).astype(np.int16)


def _moved(spans: Spans, first_s: float, length_s: float, begin_s: float) -> Spans:
    """The spans of a piece, where it lies now."""
    cut = [(max(span.start_s - first_s, 0.0), min(span.end_s - first_s, length_s), span.label) for span in spans]
    return [Span(begin_s + start, begin_s + end, label) for start, end, label in cut if end > start]


def _made_noise(generator: np.random.Generator, window: int) -> Pcm:
    level = 32767 * 10 ** (generator.uniform(*_EMPTY_DBFS) / 20)
    noise_N = level * coloured(generator, window, generator.uniform(*_SLOPE))
    return np.clip(noise_N, -32767, 32767).astype(np.int16)
