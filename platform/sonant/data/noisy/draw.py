"""A recipe of noisy speech from a generator of random numbers, clips and noise, and from nothing else."""

from __future__ import annotations

import itertools
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sonant.config.noisy import Noising
from sonant.data.noisy.recipe import Noise, Piece, Recipe
from sonant.data.noisy.sound import active, noise_sound
from sonant.data.noisy.speech import Speech
from sonant.data.recipes.level import power
from sonant.data.recipes.noises import SEEDS, SLOPES, Noises
from sonant.data.recipes.parts import Room
from sonant.errors import DataError

Kind = Literal["noisy", "noise", "clean"]
Generator = np.random.Generator

_ATTEMPTS = 100
_LOOKS = 8
_HEARD = 0.01
"""Least power of a noise while somebody speaks, against the whole of it: otherwise what is 20 dB under the speech would
be a bang in a pause."""


def draw(
    cfg: Noising,
    speech: Speech,
    noises: Noises,
    generator: Generator,
    *,
    name: str,
    split: str,
    snr_db: float | None = None,
) -> Recipe:
    """One item, at `snr_db` where it is given. Whatever it is drawn to be, other items are what they are."""
    rate_hz = speech.corpus.sample_rate_hz
    kind = _kind(cfg, generator)
    level = float(generator.uniform(*cfg.level_dbfs))
    drawn_db = float(generator.uniform(*cfg.snr_db))
    ratio = drawn_db if snr_db is None else snr_db
    room, band_hz, clip_db, codec = _line(cfg, generator)
    window = round(cfg.item_s * rate_hz)
    who, pieces = ("", ()) if kind == "noise" else _pieces(cfg, speech, generator, window)
    samples = max([piece.begin + piece.cut.samples for piece in pieces] + [window])
    heard = () if kind == "clean" else _noises(cfg, noises, generator, pieces, samples)
    return Recipe(
        id=name,
        split=split,
        speaker=who,
        pieces=pieces,
        noises=heard,
        samples=samples,
        snr_db={"noisy": ratio, "noise": -np.inf, "clean": np.inf}[kind],
        level_dbfs=level - ratio if kind == "noise" else level,
        room=room if kind == "noisy" else None,
        early_ms=cfg.early_ms,
        band_hz=band_hz if band_hz is not None and band_hz < rate_hz / 2 else None,
        clip_db=None if kind == "clean" else clip_db,
        codec=None if kind == "clean" else codec,
    )


def _kind(cfg: Noising, generator: Generator) -> Kind:
    lot = generator.random()
    if lot < cfg.noise_only_p:
        return "noise"
    return "clean" if lot < cfg.noise_only_p + cfg.clean_only_p else "noisy"


def _line(cfg: Noising, generator: Generator) -> tuple[Room | None, float | None, float | None, str | None]:
    """Room, band limit, clipping and codec; as many numbers are drawn whether there are any or not."""
    inside, narrow, overdriven, coded = (generator.random(4) < (
        cfg.room_p, cfg.band_limit_p, cfg.clip_p, cfg.codec_p
    )).tolist()  # fmt: skip
    room = Room(int(generator.integers(SEEDS)), float(generator.uniform(*cfg.room_rt60_s)))
    band_hz, clip_db = float(generator.uniform(*cfg.band_limit_hz)), float(generator.uniform(*cfg.clip_db))
    codec = cfg.codecs[generator.integers(len(cfg.codecs))]
    return (
        room if inside else None,
        band_hz if narrow else None,
        clip_db if overdriven else None,
        codec if coded else None,
    )


def _pieces(cfg: Noising, speech: Speech, generator: Generator, window: int) -> tuple[str, tuple[Piece, ...]]:
    """A speaker, and recordings of theirs one after another, with pauses, until the item is full."""
    rate_hz = speech.corpus.sample_rate_hz
    shortest = round(cfg.min_s * rate_hz)
    for _ in range(_ATTEMPTS):
        who = speech.speakers[generator.integers(len(speech.speakers))]
        order = generator.permutation(speech.rows_S[who]).tolist()
        usable = (row for row in itertools.cycle(order) if speech.length(row) >= shortest)
        if not any(speech.length(row) >= shortest for row in order):
            continue
        pieces: list[Piece] = []
        begin = end = 0
        while end < window if cfg.whole else window - begin >= shortest:
            row = next(usable)
            if not pieces and not cfg.whole and speech.length(row) < window:
                # Speech does not always begin with the item.
                begin = int(generator.integers(min(window - shortest, round(cfg.gap_s[1] * rate_hz)) + 1))
            pieces.append(speech.piece(generator, row, begin, speech.length(row) if cfg.whole else window - begin))
            end = begin + pieces[-1].cut.samples
            begin = end + round(float(generator.uniform(*cfg.gap_s)) * rate_hz)
        return who, tuple(pieces)
    hint = "lower min_s, or leave trim_db out"
    raise DataError("data.empty", f"{speech.corpus.path}: {_ATTEMPTS} speakers had nothing to say", hint=hint)


def _noises(
    cfg: Noising, noises: Noises, generator: Generator, pieces: tuple[Piece, ...], samples: int
) -> tuple[Noise, ...]:
    """One noise or several; each is heard while somebody speaks."""
    count = int(generator.integers(cfg.noises[0], cfg.noises[1] + 1))
    spoken_N = active(pieces, samples)
    heard: list[Noise] = []
    for number in range(count):
        level_db = float(generator.uniform(*cfg.noise_db)) if number else 0.0
        seed, slope = int(generator.integers(SEEDS)), float(generator.uniform(*SLOPES))
        looks = (
            Noise(noises.cut(generator.random(), generator.random(), samples), seed, slope, level_db)
            for _ in range(_LOOKS)
        )
        first = next(looks)
        all_looks = itertools.chain((first,), looks)
        heard.append(next((noise for noise in all_looks if _is_heard(noise, noises, spoken_N)), first))
    return tuple(heard)


def _is_heard(noise: Noise, noises: Noises, spoken_N: NDArray[np.bool_]) -> bool:
    if noise.cut is None or not spoken_N.any():
        return True
    wav_N = noise_sound(noise, noises.corpus, spoken_N.size)
    return power(wav_N[spoken_N]) >= _HEARD * power(wav_N)
