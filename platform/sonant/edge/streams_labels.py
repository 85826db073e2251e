"""Live sessions that are answered with labels: events, and scores when they are asked for."""

from __future__ import annotations

from sonant.edge.protocol import Start
from sonant.edge.streams import Streams
from sonant.runtime.session import LiveSession
from sonant.runtime.slots import Frames, Slot, SlotPool


class LabelStreams(Streams[Frames]):
    """Sessions of a classifier or detector."""

    options = frozenset({"scores"})

    def __init__(self, pool: SlotPool) -> None:
        super().__init__(pool, pool.info)
        self._slots = pool

    def sitting(self, slot: Slot, start: Start) -> LiveSession:
        """Events as they end, and the latest scores once a chunk when the client wants them."""
        return LiveSession(self._slots, slot, self.info.sample_rate_hz, scores=start.scores)
