"""From files, manifests or synthesis to a prepared corpus: every clip is decoded and resampled once, here."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.base import Section
from sonant.config.prepare import CorpusConfig
from sonant.data import synth
from sonant.data.children import Refusal, run
from sonant.data.corpora import (
    dns,
    emodb,
    folder,
    fsdd,
    join,
    librispeech,
    manifest,
    ms_snsd,
    ravdess,
    spans,
    speech_commands,
    voicebank,
)  # fmt: skip
from sonant.data.corpus import Skipped
from sonant.data.source import Clip, Source
from sonant.data.trim import sounding
from sonant.data.write import write_corpus
from sonant.errors import AudioError, DataError, EnvError, SonantError

IMPORTERS: dict[str, Callable[[Any], Source]] = {
    "folder": folder.plan,
    "fsdd": fsdd.plan,
    "speech_commands": speech_commands.plan,
    "ravdess": ravdess.plan,
    "emodb": emodb.plan,
    "librispeech": librispeech.plan,
    "manifest": manifest.plan,
    "spans": spans.plan,
    "synth": synth.plan,
    "join": join.plan,
    "ms_snsd": ms_snsd.plan,
    "voicebank": voicebank.plan,
    "dns": dns.plan,
}
_FAMILIES: dict[str, type[SonantError]] = {"audio": AudioError, "data": DataError, "env": EnvError}
# The file is at fault, or has killed its decoder; anything else (a missing extra) would meet every clip alike.
_FILE_FAULTS = ("audio.", "data.", "env.child")
_SHARED = {"clips", "seconds", "labels", "splits", "speakers", "skipped", "skipped_examples"}

Progress = Callable[[int, int], None]


class Summary(Section):
    """What `prepare` made."""

    corpus: str
    """Where it lies."""
    hash: str
    """Names its content."""
    clips: int
    """Rows of the manifest."""
    seconds: float
    """Length of all clips together."""
    labels: dict[str, int]
    """Clips of each label."""
    splits: dict[str, int]
    """Clips of each split."""
    speakers: int
    """Different speakers."""
    skipped: int
    """Files that could not be read."""
    skipped_examples: tuple[Skipped, ...]
    """The first of them."""
    took_s: float
    """Wall clock time."""


def prepare(config: CorpusConfig, *, progress: Progress | None = None) -> Summary:
    """Makes the corpus at `config.out`, replacing one that is there; `progress(done, all)` is called for each clip.

    Files that cannot be read are skipped and counted in corpus.json; when there is nothing else, nothing is written.
    """
    began = time.monotonic()
    source = IMPORTERS[config.kind](config)
    skipped: list[Skipped] = []
    info = write_corpus(
        config.out,
        _make(source, config, skipped, progress or _unwatched),
        name=source.name,
        sample_rate_hz=config.sample_rate_hz,
        split_by=source.split_by,
        skipped=skipped,
        config=config.model_dump(mode="json"),
    )
    took_s = round(time.monotonic() - began, 3)
    shared = info.model_dump(include=_SHARED)
    return Summary.model_validate({**shared, "corpus": config.out, "hash": info.manifest_sha256, "took_s": took_s})


def _make(
    source: Source, config: CorpusConfig, skipped: list[Skipped], progress: Progress
) -> Generator[tuple[Clip, NDArray[np.int16]]]:
    """Each clip with its samples, in order; those that cannot be had are added to `skipped`."""
    total = len(source.clips)
    workers = min(config.workers or os.cpu_count() or 1, total)
    answers = run((clip.job for clip in source.clips), workers=workers)
    for done, (clip, answer) in enumerate(zip(source.clips, answers, strict=True), 1):
        if not isinstance(answer, Refusal):
            clip, pcm_N = _trimmed(clip, answer, config)
            yield (replace(clip, spans=source.find_spans(pcm_N)) if source.find_spans else clip), pcm_N
        elif source.tolerant and answer.code.startswith(_FILE_FAULTS):
            skipped.append(Skipped(path=clip.path, reason=answer.message))
        else:
            family = _FAMILIES[answer.code.partition(".")[0]]
            raise family(answer.code, answer.message, hint=answer.hint)
        progress(done, total)


def _trimmed(clip: Clip, pcm_N: NDArray[np.int16], config: CorpusConfig) -> tuple[Clip, NDArray[np.int16]]:
    """The clip without silence at its ends, if that is wanted; the manifest tells which part of the file is left."""
    if config.trim_silence_db is None:
        return clip, pcm_N
    first, last = sounding(pcm_N, config.sample_rate_hz, config.trim_silence_db)
    return replace(clip, start_s=clip.start_s + first / config.sample_rate_hz), pcm_N[first:last]


def _unwatched(done: int, total: int) -> None:
    """For callers that do not look at the progress."""
