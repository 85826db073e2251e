"""Tickets for live sessions of browsers, which can set no headers on a socket: each is good once and for seconds.

A ticket stands for the key that it was bought with, so that the key itself is never in a URL, a log or a history.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Protocol

LIFE_S = 30.0
_MOST = 10_000
"""Tickets that are kept at once; then the oldest go."""


class TicketOffice(Protocol):
    """Where all replicas of a server buy and redeem tickets."""

    async def issue(self, key_id: str) -> str:
        """A new ticket for the key of an id."""
        ...

    async def redeem(self, ticket: str) -> str | None:
        """The id of the key it was issued for; None the second time, too late, or if it is none."""
        ...


class Tickets:
    """Tickets in memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sold: dict[str, tuple[str, float]] = {}
        """In order of their ends."""

    def open(self) -> None:
        """They are there already."""

    async def issue(self, key_id: str) -> str:
        now = self._clock()
        while self._sold:
            oldest = next(iter(self._sold))
            if self._sold[oldest][1] > now and len(self._sold) < _MOST:
                break
            del self._sold[oldest]
        ticket = secrets.token_urlsafe(24)
        self._sold[ticket] = key_id, now + LIFE_S
        return ticket

    async def redeem(self, ticket: str) -> str | None:
        key_id, end = self._sold.pop(ticket, ("", 0.0))
        return key_id if self._clock() < end else None
