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
    """What stays on one side: session: what has one X-Session-Id, or `?session_id=`, else one X-Request-Id; key: one
    API key."""


class Rule(Section):
    """When a candidate that was compared may be promoted; `/v1/rollouts` says whether, and nothing moves by itself."""

    least: Annotated[int, Field(ge=1)] = 100
    """Answers that were compared."""
    agreement: Annotated[float, Field(ge=0, le=1)] = 0.95
    """Least mean agreement: of labels, or of times at which something is heard."""
    level_db: Annotated[float, Field(gt=0)] = 3.0
    """Most mean difference of levels, of a network that answers with sound; how alike the sounds are is told, too."""
    failed: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Most share of answers that the candidate failed to give where the champion gave one."""
    slower: Annotated[float, Field(gt=0)] = 2.0
    """Most times of the champion's 95th percentile that the candidate's may take. It runs at a lower priority."""


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
    rule: Rule = Rule()
    """What the report calls ready to be promoted."""
