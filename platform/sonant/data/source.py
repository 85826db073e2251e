"""What an importer hands to `prepare`: a row and a job for each clip, and how the corpus was split."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Job = dict[str, str | int | float | None]
"""Work for a child process, plain JSON: `kind` names a function in child.py."""

SplitBy = Literal["speaker", "session", "take", "clip"]
"""What the splits of a corpus keep apart. `take` and `clip` say openly that speakers are on both sides."""


@dataclass(frozen=True)
class Clip:
    """One row of a manifest, and the job that makes its samples (none when they are at hand). Empty text: unknown."""

    id: str
    path: str
    job: Job = field(default_factory=dict[str, str | int | float | None])
    start_s: float = 0.0
    label: str = ""
    text: str = ""
    speaker: str = ""
    session: str = ""
    split: str = ""
    licence: str = ""


@dataclass(frozen=True)
class Source:
    """All clips of a corpus, in the order in which they are stored."""

    name: str
    split_by: SplitBy
    clips: list[Clip] = field(repr=False)
    tolerant: bool = True
    """Files that cannot be read are skipped and listed; what we make ourselves must not fail."""
