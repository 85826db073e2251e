"""What stands before every application: its door, the tickets that all replicas share, and no door that is missing."""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp

from serve_apps.logs import log_with_serve
from sonant.config.serve import Guarded
from sonant.edge import exposure
from sonant.edge.door import Door, Rule
from sonant.edge.keys import Keyring
from sonant.edge.metrics import Metrics
from sonant.edge.tickets import TicketOffice, Tickets
from sonant.edge.tracing import open_tracer
from sonant.edge.watch import Watch

_ACTOR = "sonant-tickets"


def behind_door(
    app: ASGIApp,
    args: Guarded,
    rule: Rule,
    *,
    metrics: Metrics | None = None,
    tickets: TicketOffice | None = None,
    echo_request_id: bool = False,
) -> Watch:
    """The application as callers reach it; tickets are those of all replicas unless others are given. What happens is
    logged and traced, and what does not get in is counted too."""
    log_with_serve()
    keyring = None if args.keys is None or args.keys == exposure.ANYONE else Keyring(args.keys)
    door = Door(app, keyring, rule, tickets or SharedTickets(), echo_request_id=echo_request_id)
    return Watch(door, metrics, open_tracer(args.tracing, {} if metrics is None else metrics.labels))


def check_exposure(args: Guarded) -> None:
    """[ray] Refuses to build an application without keys where Serve listens for other machines, whoever deploys it."""
    import ray
    from ray.serve.context import _get_global_client  # pyright: ignore[reportPrivateUsage]

    client = _get_global_client(raise_if_no_controller_running=False) if ray.is_initialized() else None
    if client is not None:
        exposure.check(str(client.http_config.host), args.keys)


class SharedTickets:
    """[ray] Tickets in an actor that all replicas ask: one that was used at one of them is used up at all."""

    def __init__(self) -> None:
        self._actor: Any = None

    def open(self) -> None:
        """Has the actor started before the first ticket is asked for."""
        self._office()

    async def issue(self, key_id: str) -> str:
        return await self._office().issue.remote(key_id)

    async def redeem(self, ticket: str) -> str | None:
        from ray.exceptions import RayActorError

        try:
            return await self._office().redeem.remote(ticket)
        except RayActorError:
            self._actor = None  # it went with the replica that had started it, and so did its tickets
            return None

    def _office(self) -> Any:
        import ray

        if self._actor is None:
            office = ray.remote(num_cpus=0)(Tickets).options(name=_ACTOR, get_if_exists=True)
            self._actor = office.remote()
        return self._actor
