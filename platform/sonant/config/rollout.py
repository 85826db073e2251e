"""How another bundle is tried on an application that runs: on a share of its sessions, or beside them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.base import Section


class Canary(Section):
    """A candidate that answers a share of what comes in."""

    bundle: str
    """Bundle folder or URL, STORE/NAME@ALIAS or STORE/NAME@VERSION, for the same task as the application's own."""
    share: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of sessions and requests that the candidate answers. Whoever it answers at a share, it answers at a larger
    one."""
    by: Literal["session", "key"] = "session"
    """What stays on one side: session: what has one X-Session-Id, or `?session=`, else one X-Request-Id; key: one API
    key."""


class Shadow(Section):
    """A candidate that hears what comes in after it was answered, and whose answers nobody gets: they are compared."""

    bundle: str
    """Bundle folder or URL, STORE/NAME@ALIAS or STORE/NAME@VERSION, for the same task as the application's own."""
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of sessions and requests that the candidate hears, chosen as for a canary `by: session`."""
    max_waiting: Annotated[int, Field(ge=1)] = 64
    """Requests that wait for the candidate on a replica; more are left out, and counted."""
    max_waiting_mib: Annotated[float, Field(gt=0)] = 64.0
    """Bytes of requests that wait, and of answers to compare with; more are left out, and counted."""
