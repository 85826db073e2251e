"""How many words are wrong: an engine judged on recordings whose text is known, with and without enhancement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sonant.config.ray import RayConfig
from sonant.config.transcribe import EnhanceMode, TranscribeConfig
from sonant.data.corpus import MANIFEST_FILE, Corpus
from sonant.data.manifest import read_manifest
from sonant.data.shards import INFO_FILE
from sonant.errors import DataError
from sonant.measure.auto import Twice, auto_text, threshold
from sonant.measure.infer import Item, listing
from sonant.measure.transcribe import Line, over
from sonant.metrics.bootstrap import interval
from sonant.metrics.wer import Edits, character_edits, pooled, word_edits
from sonant.runtime.transcribe.heard import Ask
from sonant.track import files

Row = dict[str, Any]


class Known(NamedTuple):
    """A recording whose text is known."""

    item: Item
    text: str
    speaker: str


def evaluate_transcripts(
    config: TranscribeConfig,
    manifest: str,
    *,
    split: str = "all",
    language: str | None = None,
    out: str | None = None,
    cluster: RayConfig | None = None,
) -> dict[str, Any]:
    """Word and character error rates on the rows of a manifest that have a text; 95 % intervals over speakers, or
    over recordings where there are no several speakers.

    With an enhancer in the config everything is heard twice, as it is and cleaned; then the signal-to-noise ratio is
    chosen below which cleaning pieces gives the fewest errors, and `auto` is measured with it, on the same recordings.
    It is null where cleaning is not sure to help (`measure.auto`). With `out`, metrics.json and transcripts.jsonl are
    written there.
    """
    known = with_text(manifest, split)

    def hear(mode: EnhanceMode) -> list[Line]:
        return list(over(config, [one.item for one in known], Ask(language=language, enhance=mode), cluster=cluster))

    lines = hear("off")
    texts: dict[EnhanceMode, list[str]] = {"off": [_text(line) for line in lines]}
    recordings = [[Twice(snr, text, text) for snr, text in line.pieces] for line in lines]
    below_db = None
    if config.enhancer is not None:
        cleaned = hear("on")
        texts["on"] = [_text(line) for line in cleaned]
        recordings = [twice(*both) for both in zip(lines, cleaned, strict=True)]
        below_db = threshold(recordings, [one.text for one in known], [one.speaker for one in known])
        texts["auto"] = [auto_text(pieces, below_db) for pieces in recordings]
    heard = [line.transcript for line in lines if line.transcript is not None]
    told = {
        "model": heard[0].model if heard else config.engine.kind,
        "manifest": manifest,
        "split": split,
        "recordings": len(known),
        "failed": len(known) - len(heard),
        "seconds": round(sum(one.duration_s for one in heard), 1),
        "rates": {mode: rates(known, found) for mode, found in texts.items()},
        "enhance_below_db": below_db,
    }
    if out is not None:
        files.write_json(files.join(out, "metrics.json"), told)
        rows = [json.dumps(row, ensure_ascii=False) + "\n" for row in _rows(known, recordings, texts)]
        files.write_bytes(files.join(out, "transcripts.jsonl"), "".join(rows).encode())
    return told


def with_text(manifest: str, split: str) -> list[Known]:
    """The rows of a manifest, or of a prepared corpus, that have a text."""
    folder, _, file = manifest.rpartition("/")
    prepared = file == MANIFEST_FILE and files.exists(files.join(folder or ".", INFO_FILE))
    if prepared:
        corpus = Corpus.open(folder or ".")
        columns = {name: corpus.column(name) for name in ("text", "speaker", "split")}
    else:
        table = read_manifest(manifest)
        columns = {name: table.column(name).to_pylist() for name in ("text", "speaker", "split")}
    rows = zip(listing([manifest]), *columns.values(), strict=True)
    known = [Known(item, text, who) for item, text, who, side in rows if text and split in ("all", side)]
    if not known:
        hint = "fill the column text with what is said, or choose another --split"
        raise DataError("data.empty", f"{manifest} has no text in split {split}", hint=hint)
    return known


def twice(off: Line, on: Line) -> list[Twice]:
    """The pieces of a recording that was heard without and with cleaning: they are cut alike."""
    return [Twice(snr, plain, cleaned) for (snr, plain), (_, cleaned) in zip(off.pieces, on.pieces, strict=True)]


def rates(known: Sequence[Known], texts: Sequence[str]) -> Row:
    """Error rates of all recordings together; one that could not be heard counts as silence."""
    words, characters = (
        [count(one.text, text) for one, text in zip(known, texts, strict=True)]
        for count in (word_edits, character_edits)
    )
    speakers = [one.speaker for one in known]
    groups = speakers if len(set(speakers)) > 1 else None
    total = pooled(words)
    return {
        "wer": total.rate,
        "wer_interval": _interval(words, groups),
        "cer": pooled(characters).rate,
        "cer_interval": _interval(characters, groups),
        "words": total.length,
        "substitutions": total.substitutions,
        "deletions": total.deletions,
        "insertions": total.insertions,
    }


def _interval(edits_N: Sequence[Edits], groups: Sequence[str] | None) -> list[float]:
    error_N, length_N = (np.array(column) for column in ([e.errors for e in edits_N], [e.length for e in edits_N]))
    low, high = interval(
        lambda at: float(error_N[at].sum() / max(1, length_N[at].sum())), len(edits_N), groups_N=groups
    )
    return [low, high]


def _text(line: Line) -> str:
    return "" if line.transcript is None else line.transcript.text


def _rows(
    known: Sequence[Known], recordings: Sequence[Sequence[Twice]], texts: dict[EnhanceMode, list[str]]
) -> list[Row]:
    return [
        {
            "path": one.item.path,
            "text": one.text,
            "snr_db": [round(piece.snr_db, 1) for piece in recordings[at]],
            **{mode: found[at] for mode, found in texts.items()},
        }
        for at, one in enumerate(known)
    ]
