"""How much a key may ask for: requests and seconds of sound in a minute, on each replica for itself.

Token buckets: a minute's worth may be used at once, and comes back evenly. How long a recording is shows only once it
is decoded, so a balance of sound may fall below zero; then the next request waits until it is made up for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextvars import ContextVar

from sonant.edge.keys import Key
from sonant.errors import RequestError

Clock = Callable[[], float]


class Bucket:
    """What is left of an amount that comes back within a minute."""

    def __init__(self, per_min: float, clock: Clock = time.monotonic) -> None:
        self.per_min = per_min
        self._clock = clock
        self._left = per_min
        self._at = clock()

    @property
    def left(self) -> float:
        now = self._clock()
        self._left = min(self.per_min, self._left + (now - self._at) * self.per_min / 60)
        self._at = now
        return self._left

    def take(self, amount: float) -> None:
        """Uses some up; there may be less than nothing left then."""
        self._left = self.left - amount

    def wait_s(self, amount: float) -> float:
        """Time until so much is there; 0: it is."""
        return max(0.0, (min(amount, self.per_min) - self.left) * 60 / self.per_min)


class Account:
    """The buckets of one key on this replica."""

    def __init__(self, key: Key, clock: Clock = time.monotonic) -> None:
        self.limits = limits(key)
        self.requests, self.audio = (None if limit is None else Bucket(limit, clock) for limit in self.limits)

    def admit(self) -> None:
        """Counts one request, or raises request.quota."""
        waits = [
            (bucket.wait_s(amount), told)
            for bucket, amount, told in ((self.requests, 1.0, "requests"), (self.audio, 1e-6, "seconds of sound"))
            if bucket is not None
        ]
        wait_s, what = max(waits, default=(0.0, ""))
        if wait_s > 0:
            raise OverQuotaError(what, wait_s)
        if self.requests is not None:
            self.requests.take(1)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """RateLimit-* of the requests, for an answer; none where there is no limit."""
        if self.requests is None:
            return []
        left, most = self.requests.left, self.requests.per_min
        values = {"limit": most, "remaining": max(0, math.floor(left)), "reset": math.ceil((most - left) * 60 / most)}
        return [(f"ratelimit-{name}".encode(), f"{value:g}".encode()) for name, value in values.items()]


class OverQuotaError(RequestError):
    """A key has used up what it may ask for."""

    def __init__(self, what: str, wait_s: float) -> None:
        self.wait_s = math.ceil(wait_s)
        super().__init__("request.quota", f"too many {what}: try again in {self.wait_s} s")

    def __reduce__(self) -> tuple[object, ...]:
        return RequestError, (self.code, self.message)


account: ContextVar[Account | None] = ContextVar("account", default=None)
"""Who pays for what this task hears; the door sets it."""


def limits(key: Key) -> tuple[float | None, float | None]:
    """Requests and seconds of sound in a minute."""
    return key.requests_per_min, key.audio_s_per_min


def heard(seconds: float) -> None:
    """Charges a recording to whoever sent it."""
    payer = account.get()
    if payer is not None and payer.audio is not None:
        payer.audio.take(seconds)


def heard_live(seconds: float) -> None:
    """Charges a piece of a live session; RequestError request.quota once there is nothing left."""
    payer = account.get()
    if payer is not None and payer.audio is not None:
        payer.audio.take(seconds)
        if payer.audio.left < 0:
            raise OverQuotaError("seconds of sound", payer.audio.wait_s(1e-6))
