"""The sound of a recipe. Pure: the same recipe over the same corpora always gives the same samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sonant.audio.samples import to_float
from sonant.data.augment.room import convolve
from sonant.data.corpus import Corpus
from sonant.data.mix.recipe import Noise, Recipe
from sonant.data.recipes.level import gain, turned_down
from sonant.data.recipes.noises import made_noise
from sonant.data.recipes.parts import Room
from sonant.data.recipes.room import responses

Wav = NDArray[np.float32]


class Rendered(NamedTuple):
    """What is heard: mix = target + others + noise. Letters: N samples, R of the reference, K other voices."""

    mix_N: Wav
    target_N: Wav
    """The wanted voice; zeros where the wanted speaker is absent."""
    ref_R: Wav
    others_KN: Wav
    noise_N: Wav


def render(recipe: Recipe, corpus: Corpus, noise: Corpus | None = None) -> Rendered:
    """The samples of a recipe, out of the corpora that it was drawn from."""
    rate_hz = corpus.sample_rate_hz
    voices_VN = np.zeros((len(recipe.voices), recipe.samples), np.float32)
    for voice, wav_N in zip(recipe.voices, voices_VN, strict=True):
        cut = voice.cut
        wav_N[voice.begin : voice.end] = to_float(corpus.read(cut.row)[cut.first : cut.first + cut.samples])
    voices_VN = enter(recipe.room, voices_VN, rate_hz)
    noise_N = _noise(recipe.noise, noise, recipe.samples)
    for voice, wav_N in zip(recipe.voices, voices_VN, strict=True):
        wav_N *= np.float32(gain(wav_N[voice.begin : voice.end], recipe.level_dbfs - voice.snr_db))
    if recipe.noise is not None:
        noise_N *= np.float32(gain(noise_N, recipe.level_dbfs - recipe.noise.snr_db))
    mix_N = voices_VN.sum(axis=0) + noise_N
    down = turned_down(mix_N)
    mix_N, voices_VN, noise_N = mix_N * down, voices_VN * down, noise_N * down
    target_N = voices_VN[0] if recipe.present else np.zeros_like(mix_N)
    others_KN = voices_VN[1:] if recipe.present else voices_VN
    return Rendered(mix_N, target_N, _reference(recipe, corpus), others_KN, noise_N)


def enter(room: Room | None, wav_VN: Wav, rate_hz: int) -> Wav:
    """Voices in a room, each at its own distance; what rings on after the end of the mixture is cut."""
    if room is None:
        return wav_VN
    return convolve(torch.from_numpy(wav_VN), responses(room, len(wav_VN), rate_hz)).numpy()


def _noise(noise: Noise | None, corpus: Corpus | None, samples: int) -> Wav:
    if noise is None:
        return np.zeros(samples, np.float32)
    if noise.cut is None:
        return made_noise(noise.seed, noise.slope, samples)
    assert corpus is not None, "the recipe names a recording of noise"
    first, count = noise.cut.first, noise.cut.samples
    return np.resize(to_float(corpus.read(noise.cut.row)[first : first + count]), samples)


def _reference(recipe: Recipe, corpus: Corpus) -> Wav:
    """All references at one level, one after another."""
    parts: list[Wav] = []
    for number, cut in enumerate(recipe.references):
        wav_N = to_float(corpus.read(cut.row)[cut.first : cut.first + cut.samples])
        room = recipe.reference_room
        # Another recording was made at another place of the room.
        place = room and Room(room.seed + number, room.rt60_s)
        wav_N = enter(place, wav_N[None], corpus.sample_rate_hz)[0]
        parts.append(wav_N * np.float32(gain(wav_N, recipe.reference_dbfs)))
    ref_R = np.concatenate(parts)
    return ref_R * turned_down(ref_R)
