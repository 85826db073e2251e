"""A recipe from a generator of random numbers and a pool of clips, and from nothing else."""

from __future__ import annotations

import numpy as np

from sonant.data.mix.layout import lay_out
from sonant.data.mix.noises import MixNoises
from sonant.data.mix.pool import Pool
from sonant.data.mix.recipe import Recipe, Voice
from sonant.data.recipes.noises import SEEDS
from sonant.data.recipes.parts import Cut, Room
from sonant.errors import DataError

_ATTEMPTS = 100

Generator = np.random.Generator


def draw(pool: Pool, noises: MixNoises, generator: Generator, *, name: str, split: str) -> Recipe:
    """One mixture. What does not fit (a voice too short for the drawn overlap) is drawn again."""
    for _ in range(_ATTEMPTS):
        recipe = _attempt(pool, noises, generator, name, split)
        if recipe is not None:
            return recipe
    hint = "lower min_s or reference_s, raise mix_s, or leave trim_db out"
    raise DataError("data.empty", f"{pool.corpus.path}: {_ATTEMPTS} draws gave no mixture as configured", hint=hint)


def _attempt(pool: Pool, noises: MixNoises, generator: Generator, name: str, split: str) -> Recipe | None:
    cfg, rate_hz = pool.cfg, pool.corpus.sample_rate_hz
    speaker = pool.wanted[generator.integers(len(pool.wanted))]
    present = bool(generator.random() >= cfg.absent_p)
    others = int(generator.integers(cfg.interferers[0], cfg.interferers[1] + 1))
    overlap = float(generator.uniform(*cfg.overlap))
    before = (generator.random(others) < 0.5).tolist()
    window = None if cfg.mix_s is None else int(cfg.mix_s * rate_hz)
    least = 0 if window is None else lay_out(window, before, overlap, window).length

    own = pool.draw_row(generator, speaker, least)
    references = [] if own is None else _references(pool, generator, own)
    if own is None or not references:
        return None
    strangers = [other for other in pool.speakers if other != speaker]
    drawn = generator.permutation(len(strangers))[: others + (not present)].tolist()
    heard = [own] if present else []
    for index in drawn:
        row = pool.draw_row(generator, strangers[index], least)
        if row is None:
            return None
        heard.append(row)

    layout = lay_out(min(map(pool.length, heard)), before, overlap, window)
    if layout.length < cfg.min_s * rate_hz:
        return None
    voices: list[Voice] = []
    for row, begin in zip(heard, layout.begins, strict=True):
        cut = pool.cut(generator, row, layout.length)
        snr_db = float(generator.uniform(*cfg.snr_db)) if voices else 0.0
        voices.append(Voice(cut, pool.speaker_R[row], begin, snr_db))
    return Recipe(
        id=name,
        split=split,
        speaker=speaker,
        present=present,
        voices=tuple(voices),
        references=tuple(references),
        overlap=overlap,
        samples=layout.samples,
        level_dbfs=float(generator.uniform(*cfg.level_dbfs)),
        reference_dbfs=float(generator.uniform(*cfg.level_dbfs)),
        noise=noises.draw(generator, cfg, layout.samples),
        room=_room(pool, generator),
        reference_room=_room(pool, generator),
    )


def _references(pool: Pool, generator: Generator, own: int) -> list[Cut]:
    """Other recordings of the speaker of a row; none where all are too short."""
    cfg, rate_hz = pool.cfg, pool.corpus.sample_rate_hz
    candidates = pool.references(own)
    wanted = int(generator.integers(cfg.references[0], cfg.references[1] + 1))
    shortest = int(np.ceil(cfg.reference_s[0] * rate_hz))
    cuts: list[Cut] = []
    for index in generator.permutation(len(candidates)).tolist():
        row = candidates[index]
        if pool.length(row) >= shortest:
            longest = min(pool.length(row), int(cfg.reference_s[1] * rate_hz))
            cuts.append(pool.cut(generator, row, int(generator.integers(shortest, longest + 1))))
        if len(cuts) == wanted:
            break
    return cuts


def _room(pool: Pool, generator: Generator) -> Room | None:
    inside = generator.random() < pool.cfg.room_p
    room = Room(int(generator.integers(SEEDS)), float(generator.uniform(*pool.cfg.room_rt60_s)))
    return room if inside else None
