"""The sound of a recipe. Pure: the same recipe over the same corpora always gives the same samples."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sonant.audio.samples import to_float
from sonant.data.augment.noise import BANK_SAMPLES
from sonant.data.augment.room import convolve, impulse_responses
from sonant.data.corpus import Corpus
from sonant.data.mix.noises import made_noise
from sonant.data.mix.recipe import Noise, Recipe, Room
from sonant.data.rng import Purpose, rng

Wav = NDArray[np.float32]

PEAK = 0.99
"""Largest sample of a mixture or a reference: louder ones are turned down, all that belongs together alike."""
# Ratio of direct to reverberant energy: from near the microphone to across the room.
_DRR_DB = (-3.0, 15.0)
# Responses have one of few lengths: the bank of noise that their tails are read from is kept by length.
_RINGS_S = (1.0, 4.0)


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
        wav_N *= np.float32(_gain(wav_N[voice.begin : voice.end], recipe.level_dbfs - voice.snr_db))
    if recipe.noise is not None:
        noise_N *= np.float32(_gain(noise_N, recipe.level_dbfs - recipe.noise.snr_db))
    mix_N = voices_VN.sum(axis=0) + noise_N
    down = np.float32(min(1.0, PEAK / max(float(np.abs(mix_N).max()), 1e-9)))
    mix_N, voices_VN, noise_N = mix_N * down, voices_VN * down, noise_N * down
    target_N = voices_VN[0] if recipe.present else np.zeros_like(mix_N)
    others_KN = voices_VN[1:] if recipe.present else voices_VN
    return Rendered(mix_N, target_N, _reference(recipe, corpus), others_KN, noise_N)


def enter(room: Room | None, wav_VN: Wav, rate_hz: int) -> Wav:
    """Voices in a room, each at its own distance; what rings on after the end of the mixture is cut."""
    if room is None:
        return wav_VN
    count = len(wav_VN)
    generator = rng(Purpose.ROOM, room.seed)
    reverb_V = 10 ** (-generator.uniform(*_DRR_DB, count) / 10)
    start_V = generator.integers(0, BANK_SAMPLES, count)
    response_VM = impulse_responses(
        torch.full((count,), room.rt60_s),
        torch.from_numpy(reverb_V.astype(np.float32)),
        torch.from_numpy(start_V),
        samples=round(rate_hz * next(ring_s for ring_s in _RINGS_S if ring_s >= min(room.rt60_s, _RINGS_S[-1]))),
        sample_rate_hz=rate_hz,
    )
    return convolve(torch.from_numpy(wav_VN), response_VM).numpy()


def _noise(noise: Noise | None, corpus: Corpus | None, samples: int) -> Wav:
    if noise is None:
        return np.zeros(samples, np.float32)
    if noise.cut is None:
        return made_noise(noise, samples)
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
        parts.append(wav_N * np.float32(_gain(wav_N, recipe.reference_dbfs)))
    ref_R = np.concatenate(parts)
    return ref_R * np.float32(min(1.0, PEAK / max(float(np.abs(ref_R).max()), 1e-9)))


def _gain(wav_N: Wav, level_dbfs: float) -> float:
    """Factor that gives a wave this RMS; 0 for one without sound."""
    rms = float(np.sqrt(np.mean(wav_N.astype(np.float64) ** 2)))
    return 10 ** (level_dbfs / 20) / rms if rms > 0 else 0.0
