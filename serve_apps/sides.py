"""The bundles of one replica: the application's own, a candidate that answers a share of what comes in, and those that
were served before, for live sessions that began on one.

All are in the replica that has the socket. A second application would cost a hop to choose between the two, and a
session could not be handed over; a second small network in a replica costs its weights and its slots. Who began on one
side stays there: what decides is a hash of who asks, and a session that goes on elsewhere says which bundle it had.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sonant.config.rollout import Canary
from sonant.config.serve import ModelApp, RollingApp
from sonant.edge.door import key_of_scope
from sonant.edge.live import Live
from sonant.edge.metrics import Metrics, Snapshot
from sonant.errors import SonantError
from sonant.runtime.bundle import open_bundle

if TYPE_CHECKING:
    from serve_apps.classify import Face

log = logging.getLogger(__name__)

MODEL = b"x-sonant-model"
_KEPT = ("sessions", "store_url")
"""Where an application keeps what it has heard or said."""


@dataclass(frozen=True)
class Side:
    """One bundle, as it is served and counted."""

    face: Face
    metrics: Metrics

    def __post_init__(self) -> None:
        self.metrics.runs_on(self.face.served.provider)


Opener = Callable[[Any], Side]
"""Opens the bundle of an application's arguments."""


class Sides:
    """The sides of one replica. Applications that cannot open another (`opener` is None) have but one."""

    def __init__(self, app: ModelApp, champion: Side, opener: Opener | None = None) -> None:
        self.champion = champion
        self.candidate: Side | None = None
        self._opener, self._opened = opener, [champion]
        self._alone = asyncio.Lock()
        self._earlier: list[str] = []
        self._plain, self._canary = app, None
        if isinstance(app, RollingApp) and opener is not None:
            self._earlier, self._canary = list(app.earlier), app.canary
            self._plain = app.model_copy(update={"canary": None, "shadow": None, "earlier": ()})
            if app.canary is not None:
                self.candidate = self.open(app.canary.bundle)
                self._take(self.candidate)
        if champion.face.live is not None:
            champion.face.live.others = self._live_of

    def open(self, bundle: str, *, keeps: bool = True) -> Side:
        """Another bundle in the place of the application's own; unless it `keeps`, no session or answer is stored."""
        assert self._opener is not None, "only applications that can have one name another bundle"
        nothing = {} if keeps else {name: None for name in _KEPT if name in type(self._plain).model_fields}
        return self._opener(self._plain.model_copy(update={"bundle": bundle, **nothing}))

    def _take(self, side: Side) -> None:
        self._opened.append(side)
        if side.face.live is not None:
            side.face.live.others = self._live_of

    async def _live_of(self, model: str) -> Live[Any] | None:
        """The sessions of a bundle by its NAME/VERSION. One of those before is opened when it is first asked for."""
        async with self._alone:
            for side in self._opened:
                if side.face.served.model == model:
                    return side.face.live
            for bundle in self._earlier:
                try:
                    if (await asyncio.to_thread(open_bundle, bundle)).info.id == model:
                        side = await asyncio.to_thread(self.open, bundle)
                        self._take(side)
                        return side.face.live
                except SonantError as error:  # it may be gone from the store: then its sessions are lost
                    log.warning("%s is not opened for its sessions: %s", bundle, error)
        return None

    def app(self, champion: ASGIApp | None = None) -> ASGIApp:
        """What answers requests and sockets; `champion` is put in the place of the application's own side."""
        own = champion or self.champion.face.app
        if self.candidate is None or self._canary is None:
            return own
        return Fork(own, self.candidate.face.app, self._canary, self.champion, self.candidate)

    @property
    def lives(self) -> Iterator[Live[Any]]:
        """The live sessions of all sides."""
        return (side.face.live for side in self._opened if side.face.live is not None)

    async def drain(self, within_s: float, hold_s: float = 60.0) -> int:
        """Ends all live sessions and lets nobody in for so long; how many there were."""
        return sum(await asyncio.gather(*(live.drain(within_s, hold_s) for live in self.lives)))

    def admit(self) -> None:
        """Lets live sessions in again."""
        for live in self.lives:
            live.admit()

    def snapshot(self) -> Snapshot:
        """The counters of all sides: each has its own version among the labels."""
        return [family for side in self._opened for family in side.metrics.snapshot()]


class Fork:
    """Sends a share of recordings and sockets to the candidate. What only asks (GET) is the champion's."""

    def __init__(self, own: ASGIApp, other: ASGIApp, canary: Canary, champion: Side, candidate: Side) -> None:
        self._apps = (own, other)
        self._models = (champion.face.served.model.encode(), candidate.face.served.model.encode())
        self._canary, self._salt = canary, candidate.face.served.model

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or (scope["type"] == "http" and scope["method"] != "POST"):
            return await self._apps[0](scope, receive, send)
        side = int(chosen(who(scope, self._canary.by), self._canary.share, self._salt))
        await self._apps[side](scope, receive, _signed(send, self._models[side]) if scope["type"] == "http" else send)


def who(scope: Scope, by: str = "session") -> str:
    """What stays on one side: the holder of a key where that is asked for, else a session, else a request."""
    key = key_of_scope(scope)
    if by == "key" and key is not None:
        return key.id
    headers = dict(cast(list[tuple[bytes, bytes]], scope["headers"]))
    session = headers.get(b"x-session-id") or next(iter(parse_qs(scope["query_string"]).get(b"session_id", [])), b"")
    named = session or headers.get(b"x-request-id", b"")
    return named.decode("latin-1") or random.randbytes(16).hex()


def chosen(who: str, share: float, salt: str) -> bool:
    """Whether somebody is among a share of all; `salt` makes it another share for another candidate."""
    digest = hashlib.sha256(f"{salt}\n{who}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _signed(send: Send, model: bytes) -> Send:
    """Every answer tells which bundle made it, those without a field for it too."""

    async def forward(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            if not any(name.lower() == MODEL for name, _ in headers):
                message["headers"] = [*headers, (MODEL, model)]
        await send(message)

    return forward
