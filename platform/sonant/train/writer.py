"""The one process of a run that writes to its folder: events and checkpoints."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from sonant.errors import RunError
from sonant.track import files
from sonant.track.events import Event, EventLog
from sonant.train import checkpoint
from sonant.train.checkpoint import Checkpoint
from sonant.train.run import Run

Watch = Callable[[Event], None]


class Writer:
    """Writes to a run folder for as long as no newer writer has taken it over: a worker that was given up for dead and
    comes back must not overwrite what its successor did."""

    def __init__(self, run: Run, watch: Watch | None) -> None:
        self._run, self._watch = run, watch
        self._owner, self._token = files.join(run.path, "writer"), secrets.token_hex(8).encode()
        files.write_bytes(self._owner, self._token)
        self._log = EventLog(run.path)

    def event(self, event: Event) -> None:
        """Adds an event to events.jsonl, then tells whoever watches."""
        if event["kind"] != "step":
            self._check_owner()
        self._log(event)
        if self._watch is not None:
            self._watch(event)

    def save(self, which: str, state: Checkpoint) -> None:
        """Writes the checkpoint "best" or "last"."""
        self._check_owner()
        checkpoint.save(self._run.checkpoint(which), state)
        self.event({"kind": "checkpoint", "which": which, "step": state.state["progress"]["step"]})

    def _check_owner(self) -> None:
        if files.read_bytes(self._owner) != self._token:
            message = f"another process has taken over {self._run.path}"
            raise RunError("run.failed", message, hint="leave the run to that one")

    def close(self) -> None:
        self._log.close()
