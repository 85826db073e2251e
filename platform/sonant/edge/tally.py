"""What is counted and logged of one live session on one connection."""

from __future__ import annotations

from sonant.edge import logs, visit
from sonant.edge.metrics import Metrics
from sonant.edge.protocol import Output

_WIDTHS = {"pcm_s16le": 2, "pcm_f32le": 4}


class Tally:
    """Sums of a session; `session` is its id, the same on every connection that it goes on with."""

    def __init__(self, metrics: Metrics, request_id: str) -> None:
        self._metrics, self._request_id = metrics, request_id
        self.session = request_id
        self.begun = False
        self._busy_s = 0.0
        self._sent = 0

    def begin(self, how: str) -> None:
        """It was opened, or resumed."""
        self.begun = True
        visit.here().session = self.session
        self._metrics.session_begun(how)
        self._told(how)

    def drained(self) -> None:
        """It has been told to go on elsewhere."""
        self._told("drained")

    def answered(self, seconds: float) -> None:
        """A message with sound was used up and answered after so long."""
        self._busy_s += seconds
        self._metrics.lateness_seconds.observe(seconds)

    def sent(self, message: object) -> None:
        """A message goes out."""
        self._sent += len(message) if isinstance(message, bytes) else 0

    def end(self, audio_s: float, output: Output | None) -> None:
        """So much sound came in on this connection; what went out is told by its format."""
        self._metrics.heard(audio_s)
        self._metrics.worked(self._busy_s, audio_s)
        if output is not None:
            self._metrics.audio_out_seconds.inc(self._sent / _WIDTHS[output.format] / output.sample_rate_hz)

    def close(self, outcome: str) -> None:
        """The socket is about to close."""
        self._metrics.session(outcome)
        if not self.begun:
            self._metrics.session_rejected(outcome)
        here = visit.here()
        here.outcome, here.counted, here.labels = outcome, True, self._metrics.labels

    def _told(self, how: str) -> None:
        fields = {"request_id": self._request_id, "session": self.session, **self._metrics.labels}
        logs.event(f"session.{how}", fields)
