"""The research system's short form of SpEx+: one scale, windows of 300 ms, and a memory from window to window."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.extract.memory import MemoryConfig, NoMemory
from models.extract.segmented import SegmentConfig
from models.extract.spex import SpexConfig


class SpexPlusShortConfig(SpexConfig):
    """SpEx+ with its shortest frames alone."""

    kind: Literal["spexplus_short"] = "spexplus_short"
    kernel: Annotated[int, Field(ge=4, le=4096, multiple_of=2)] = 40
    """Length of a frame in samples; the hop is half of it."""
    segment: SegmentConfig | None = SegmentConfig()
    memory: MemoryConfig = NoMemory()
    """What a window tells the next."""

    @property
    def kernels(self) -> tuple[int, ...]:
        return (self.kernel,)

    @property
    def kept(self) -> MemoryConfig:
        return self.memory
