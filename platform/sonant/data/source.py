"""What an importer hands to `prepare`: a row and a job for each clip, and how the corpus was split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Job = dict[str, str | int | float | None]
"""Work for a child process, plain JSON: `kind` names a function in child.py."""

SplitBy = Literal["speaker", "session", "take", "clip"]
"""What the splits of a corpus keep apart. `take` and `clip` say openly that speakers are on both sides."""


class Span(NamedTuple):
    """A label heard for a while, in seconds from the start of the clip."""

    start_s: float
    end_s: float
    label: str


Spans = list[Span]


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
    spans: Spans | None = None
    """What is heard when; None: unknown. In a corpus all clips have spans or none."""


@dataclass(frozen=True)
class Source:
    """All clips of a corpus, in the order in which they are stored."""

    name: str
    split_by: SplitBy
    clips: list[Clip] = field(repr=False)
    tolerant: bool = True
    """Files that cannot be read are skipped and listed; what we make ourselves must not fail."""
    find_spans: Callable[[NDArray[np.int16]], Spans] | None = None
    """Finds the spans of a clip in its samples, where nobody has written them down."""
