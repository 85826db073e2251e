"""Whether `enhance=auto` keeps its promise: word errors with cleaning off, on and auto, in noise nobody has chosen on.

    python benchmarks/transcribe.py --bundle /tmp/wt/benh-work/bundles/dual_path-0-420.0 --work /tmp/hear-work

RAVDESS, neutral: two known sentences by 18 actors, each clean and with noise added at 0, 10 and 20 dB of active speech
(`sonant.data.augment.noise`). On six actors and two kinds of noise the ratio below which `auto` cleans is chosen, as
`sonant evaluate --transcripts` does; the other twelve and two other kinds tell what comes of it. None of the four
kinds, and no actor, is in the training of the bundles of `benchmarks/enhance_quality.py`. The engine is PocketSphinx
as it ships.

Every clip is heard twice; what was heard is kept in the work folder, so a run that was stopped goes on. The result is
Markdown, with 95 % intervals over actors.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch

from sonant.audio.decode import decode_path
from sonant.config.transcribe import SphinxEngine, TranscribeConfig
from sonant.data.augment.noise import add_noise
from sonant.measure.auto import Twice, auto_text, hear_twice, threshold
from sonant.metrics.bootstrap import interval
from sonant.metrics.wer import character_edits, pooled, word_edits
from sonant.runtime.transcribe.heard import RATE_HZ
from sonant.runtime.transcribe.transcriber import Transcriber, open_transcriber

SENTENCES = {"01": "kids are talking by the door", "02": "dogs are sitting by the door"}
ACTORS = {"validation": range(1, 7), "test": range(7, 19)}
NOISES = {
    "validation": ("esc10/crackling_fire", "noise/snoring"),
    "test": ("esc10/rain", "noise/boiler"),
}
SNRS_DB = (0.0, 10.0, 20.0, None)
"""None: nothing is added."""


class Clip(NamedTuple):
    """A sentence by an actor, and what is added."""

    side: str
    actor: int
    sentence: str
    snr_db: float | None

    @property
    def id(self) -> str:
        return f"{self.side}-{self.actor}-{self.sentence}-{self.snr_db}"

    @property
    def text(self) -> str:
        return SENTENCES[self.sentence]


class Told(NamedTuple):
    """The pieces of a clip."""

    clip: Clip
    pieces: list[Twice]


def clips(actors: int) -> Iterator[Clip]:
    """All that is heard: of each side at most so many actors."""
    for side, numbers in ACTORS.items():
        for actor in list(numbers)[:actors]:
            for sentence in SENTENCES:
                for snr_db in SNRS_DB:
                    yield Clip(side, actor, sentence, snr_db)


def sound(clip: Clip, shared: Path) -> np.ndarray:
    """The clip with its noise, the same in every run."""
    name = f"03-01-01-01-{clip.sentence}-01-{clip.actor:02}.flac"
    clean_N = decode_path(str(shared / f"ravdess/Actor_{clip.actor:02}/{name}"), rate_hz=RATE_HZ, max_s=60)
    if clip.snr_db is None:
        return clean_N
    random = np.random.default_rng([clip.actor, int(clip.sentence), int(clip.snr_db)])
    files = sorted((shared / NOISES[clip.side][int(random.integers(2))]).iterdir())
    noise_N = decode_path(str(files[int(random.integers(len(files)))]), rate_hz=RATE_HZ, max_s=90)
    noise_N = np.resize(np.roll(noise_N, -int(random.integers(len(noise_N)))), len(clean_N))
    mixed_1N = add_noise(
        torch.from_numpy(clean_N)[None], torch.from_numpy(noise_N)[None], torch.tensor([clip.snr_db]), RATE_HZ
    )
    mixed_N = mixed_1N[0].numpy()
    return mixed_N / max(1.0, float(np.abs(mixed_N).max()))


def hear(shared: Path, bundle: str, work: Path, actors: int, *, more: bool = True) -> list[Told]:
    """Every clip, with cleaning and without; what stands in the work folder is not heard again. Without `more`, that
    is all."""
    work.mkdir(parents=True, exist_ok=True)
    file = work / "heard.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    known = {line["id"]: line["pieces"] for line in lines if line["bundle"] == bundle}
    transcriber: Transcriber | None = None
    told: list[Told] = []
    with file.open("a") as out:
        for clip in clips(actors):
            if clip.id not in known:
                if not more:
                    continue
                if transcriber is None:
                    transcriber = open_transcriber(
                        TranscribeConfig(engine=SphinxEngine(kind="pocketsphinx"), enhancer=bundle)
                    )
                pieces = list(hear_twice(transcriber, sound(clip, shared)))
                out.write(json.dumps({"bundle": bundle, "id": clip.id, "pieces": pieces}) + "\n")
                out.flush()
                known[clip.id] = pieces
            told.append(Told(clip, [Twice(*piece) for piece in known[clip.id]]))
    return told


def report(told: Sequence[Told]) -> str:
    """Tables for both sides."""
    chosen_on = [one for one in told if one.clip.side == "validation"]
    below_db = threshold(
        [one.pieces for one in chosen_on], [one.clip.text for one in chosen_on], [one.clip.actor for one in chosen_on]
    )
    lines = [f"`auto` cleans below {'nothing: it is off' if below_db is None else f'{below_db:.1f} dB'}.", ""]
    lines += ["| side | added noise | words | off WER | on WER | auto WER | off CER | on CER | auto CER | cleaned |"]
    lines += ["|---|---|---|---|---|---|---|---|---|---|"]
    for side in ACTORS:
        of_side = [one for one in told if one.clip.side == side]
        for snr_db in (*SNRS_DB, "all"):
            some = [one for one in of_side if snr_db in ("all", one.clip.snr_db)]
            if some:
                name = {None: "none", "all": "all"}.get(snr_db, f"{snr_db} dB")  # pyright: ignore[reportArgumentType]
                lines.append(f"| {side} | {name} | {row(some, below_db)} |")
    return "\n".join(lines)


def row(told: Sequence[Told], below_db: float | None) -> str:
    words = [len(one.clip.text.split()) for one in told]
    hypotheses = {
        "off": [auto_text(one.pieces, None) for one in told],
        "on": [auto_text(one.pieces, np.inf) for one in told],
        "auto": [auto_text(one.pieces, below_db) for one in told],
    }
    wer = [rated(told, texts, word_edits) for texts in hypotheses.values()]
    cer = [rated(told, texts, character_edits) for texts in hypotheses.values()]
    pieces = [piece for one in told for piece in one.pieces]
    cleaned = sum(below_db is not None and piece.snr_db < below_db for piece in pieces)
    return " | ".join([str(sum(words)), *wer, *cer, f"{cleaned} of {len(pieces)}"])


def rated(told: Sequence[Told], texts: Sequence[str], count: Any) -> str:
    """A rate in percent, with its interval over actors."""
    edits = [count(one.clip.text, text) for one, text in zip(told, texts, strict=True)]

    def rate(at: Any) -> float:
        return pooled([edits[int(index)] for index in at]).rate

    low, high = interval(rate, len(edits), groups_N=[one.clip.actor for one in told])
    return f"{100 * pooled(edits).rate:.1f} ({100 * low:.1f} .. {100 * high:.1f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", required=True, help="an enhancer")
    parser.add_argument("--shared", type=Path, default=Path("/work/shared/data"), help="folder with RAVDESS and noises")
    parser.add_argument("--work", type=Path, required=True, help="folder for what was heard")
    parser.add_argument("--actors", type=int, default=12, help="at most so many of a side: fewer are quicker")
    parser.add_argument("--report", action="store_true", help="hear nothing more: tables of what was heard so far")
    args = parser.parse_args()
    print(report(hear(args.shared, args.bundle, args.work, args.actors, more=not args.report)))


if __name__ == "__main__":
    main()
