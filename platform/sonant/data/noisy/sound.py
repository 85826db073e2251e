"""The sound of the parts of a recipe: speech put in place, noise that goes round without a seam."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sonant.audio.samples import Wav, to_float
from sonant.data.corpus import Corpus
from sonant.data.noisy.recipe import Noise, Piece
from sonant.data.recipes.level import gain
from sonant.data.recipes.noises import made_noise

_FADE = 320
"""Samples over which the end of a noise becomes its beginning."""


def active(pieces: Sequence[Piece], samples: int) -> NDArray[np.bool_]:
    """The samples of an item (N,) in which somebody speaks."""
    active_N = np.zeros(samples, np.bool_)
    for piece in pieces:
        for stretch in piece.speech:
            active_N[stretch.first : stretch.end] = True
    return active_N


def speech_sound(pieces: Sequence[Piece], corpus: Corpus, samples: int) -> Wav:
    """The pieces in their places, each at an RMS of 1 while it speaks; zeros between them."""
    wav_N = np.zeros(samples, np.float32)
    for piece in pieces:
        cut, end = piece.cut, piece.begin + piece.cut.samples
        wav_N[piece.begin : end] = to_float(corpus.read(cut.row)[cut.first : cut.first + cut.samples])
        wav_N[piece.begin : end] *= np.float32(gain(wav_N[active([piece], samples)], 0.0))
    return wav_N


def noise_sound(noise: Noise, corpus: Corpus | None, samples: int) -> Wav:
    """`samples` of a noise, as it is recorded."""
    if noise.cut is None:
        return made_noise(noise.seed, noise.slope, samples)
    assert corpus is not None, "the recipe names a recording of noise"
    first, count = noise.cut.first, noise.cut.samples
    return looped(to_float(corpus.read(noise.cut.row)[first : first + count]), samples)


def looped(wav_M: Wav, samples: int) -> Wav:
    """A wave that goes round until it has so many samples. Its end is faded into its beginning at equal power, so that
    there is neither a click nor a gap."""
    if wav_M.size >= samples:
        return wav_M[:samples]
    fade = min(_FADE, wav_M.size // 4)
    phase_F = (np.arange(fade) + 0.5) / max(1, fade) * (np.pi / 2)
    round_K = wav_M[fade:].copy()
    if fade:
        round_K[-fade:] = round_K[-fade:] * np.cos(phase_F) + wav_M[:fade] * np.sin(phase_F)
    return np.concatenate((wav_M[:fade], np.resize(round_K, samples - fade)))
