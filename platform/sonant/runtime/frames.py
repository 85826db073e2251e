"""Logits of frames for recordings of any length: cut into overlapping windows, judged, and joined again. numpy only.

Shapes: W windows, N samples, T frames, K labels. Frame t of a joined answer speaks of the samples from t * frame on.
"""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from models.base import Section

Floats = NDArray[np.float32]

SHORTEST = 12
"""Least frames in a window: networks want at least 0.2 s."""


class FrameLayout(Section):
    """How frames lie in the sound, and windows in a recording; all in samples but `delay`."""

    frame: Annotated[int, Field(ge=1)]
    """From one frame to the next."""
    delay: Annotated[int, Field(ge=0, le=100_000)] = 0
    """Frames by which an output is behind the frame it speaks of."""
    causal: bool
    """Whether a frame needs only what was before it."""
    window: Annotated[int, Field(ge=1)]
    """Length of the windows of long recordings, in whole frames."""
    context: Annotated[int, Field(ge=0)]
    """Their overlap, in whole frames."""

    @model_validator(mode="after")
    def _in_frames(self) -> Self:
        if self.window % self.frame or self.context % self.frame or 2 * self.context > self.window:
            raise ValueError("windows are whole frames, and overlap by at most a half")
        return self

    @classmethod
    def of(
        cls, frame: int, rate_hz: int, *, delay_ms: float, causal: bool, window_s: float, context_s: float
    ) -> FrameLayout:
        """A layout from times, rounded to whole frames."""

        def frames(seconds: float) -> int:
            return round(seconds * rate_hz / frame)

        window = max(SHORTEST, 2 * frames(context_s), frames(window_s))
        sizes = {"window": window * frame, "context": frames(context_s) * frame}
        return cls(frame=frame, delay=frames(delay_ms / 1000), causal=causal, **sizes)

    def padded(self, samples: int) -> int:
        """Length of a recording in whole frames, with zeros behind it until the last answer is out."""
        return max(SHORTEST, -(-samples // self.frame) + self.delay) * self.frame

    def starts(self, length: int) -> NDArray[np.int64]:
        """Where the windows of a padded recording begin; the last one ends with it."""
        last = max(0, length - self.window)
        return np.append(np.arange(0, last, self.window - self.context), last).astype(np.int64)


def windows(layout: FrameLayout, wav_N: Floats) -> Floats:
    """Cuts a recording into overlapping windows wav_WN; a short one is a single window of its own length."""
    length = layout.padded(len(wav_N))
    wav_N = np.pad(wav_N, (0, length - len(wav_N))).astype(np.float32)
    size = min(length, layout.window)
    return np.stack([wav_N[start : start + size] for start in layout.starts(length).tolist()])


def join(layout: FrameLayout, logits_WTK: Floats, samples: int) -> Floats:
    """The logits_TK of a recording of so many samples from those of its windows.

    Where windows overlap, a causal network's earlier window knows more of the past; otherwise each has one half.
    """
    length = layout.padded(samples)
    starts = (layout.starts(length) // layout.frame).tolist()
    size = min(length, layout.window) // layout.frame
    spare = 0 if layout.causal else layout.context // layout.frame // 2
    joined_TK = np.zeros((length // layout.frame, logits_WTK.shape[2]), np.float32)
    filled = 0
    for first, logits_TK in zip(starts, logits_WTK, strict=True):
        last = first + size - (spare if first != starts[-1] else 0)
        joined_TK[filled:last] = logits_TK[filled - first : last - first]
        filled = last
    return joined_TK[layout.delay : layout.delay + -(-samples // layout.frame)]
