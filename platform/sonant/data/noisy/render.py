"""The sound of a recipe of noisy speech. Pure: the same recipe over the same corpora always gives the same samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sonant.audio.lossy import through
from sonant.audio.samples import Wav
from sonant.data.augment.room import convolve
from sonant.data.corpus import Corpus
from sonant.data.noisy.line import band_limited, mulaw, overdriven
from sonant.data.noisy.recipe import Recipe
from sonant.data.noisy.sound import active, noise_sound, speech_sound
from sonant.data.recipes.level import gain, power, turned_down
from sonant.data.recipes.room import responses


class Rendered(NamedTuple):
    """What is heard. Without clipping and codec, noisy = speech + noise; without a room, clean = speech."""

    noisy_N: Wav
    clean_N: Wav
    """The target: the speech with its early reflections; zeros where there is none."""
    speech_N: Wav
    """As it sounds in the room."""
    noise_N: Wav
    active_N: NDArray[np.bool_]
    """Where somebody speaks."""


def render(recipe: Recipe, corpus: Corpus, noise: Corpus | None = None) -> Rendered:
    """The samples of a recipe, out of the corpora that it was drawn from."""
    rate_hz, active_N = corpus.sample_rate_hz, active(recipe.pieces, recipe.samples)
    speech_N, clean_N = _in_room(recipe, speech_sound(recipe.pieces, corpus, recipe.samples), rate_hz)
    noise_N = _noise(recipe, noise)
    if recipe.band_hz is not None:
        speech_N, clean_N, noise_N = band_limited(np.stack((speech_N, clean_N, noise_N)), recipe.band_hz, rate_hz)
    up = np.float32(gain(speech_N[active_N], recipe.level_dbfs))
    speech_N, clean_N = speech_N * up, clean_N * up
    noise_N = noise_N * np.float32(_noise_gain(recipe, speech_N, noise_N, active_N))
    sum_N: Wav = np.add(speech_N, noise_N)
    down = turned_down(sum_N)
    noisy_N = _through_line(recipe, sum_N * down)
    return Rendered(noisy_N, clean_N * down, speech_N * down, noise_N * down, active_N)


def _in_room(recipe: Recipe, dry_N: Wav, rate_hz: int) -> tuple[Wav, Wav]:
    """The speech as it sounds, and the same with early reflections only."""
    if recipe.room is None:
        return dry_N, dry_N
    whole_1M = responses(recipe.room, 1, rate_hz)
    early_1M = whole_1M.clone()
    early_1M[:, 1 + round(recipe.early_ms * rate_hz / 1000) :] = 0
    wet_2N = convolve(torch.from_numpy(dry_N)[None], torch.cat((whole_1M, early_1M))).numpy()
    return wet_2N[0], wet_2N[1]


def _noise(recipe: Recipe, corpus: Corpus | None) -> Wav:
    """All noises together, at their levels against the first."""
    sum_N = np.zeros(recipe.samples, np.float32)
    for noise in recipe.noises:
        wav_N = noise_sound(noise, corpus, recipe.samples)
        sum_N += wav_N * np.float32(gain(wav_N, noise.level_db))
    return sum_N


def _noise_gain(recipe: Recipe, speech_N: Wav, noise_N: Wav, active_N: NDArray[np.bool_]) -> float:
    """Factor that brings the noise to the recipe's ratio; alone, to its level."""
    if not recipe.pieces:
        return gain(noise_N, recipe.level_dbfs)
    noise = power(noise_N[active_N])
    return float(np.sqrt(power(speech_N[active_N]) / noise / 10 ** (recipe.snr_db / 10))) if noise > 0 else 0.0


def _through_line(recipe: Recipe, wav_N: Wav) -> Wav:
    if recipe.clip_db is not None:
        wav_N = overdriven(wav_N, recipe.clip_db)
    if recipe.codec is None:
        return wav_N
    return mulaw(wav_N) if recipe.codec == "mulaw" else through(wav_N, recipe.codec)
