"""Ray Serve application at "/": the console, health, metrics and one documentation for everything that is served.

It answers nothing about audio itself. What the other applications are and count, it asks them through Serve handles.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, JsonValue
from starlette.types import ASGIApp

from serve_apps.guard import SharedTickets, behind_door, check_exposure
from serve_apps.rollouts import add_rollouts
from sonant.config.load import check
from sonant.config.serve import HomeApp
from sonant.edge import errors, face, metrics
from sonant.edge.door import at_home, key_of
from sonant.edge.exposure import ANYONE
from sonant.edge.openapi import merge
from sonant.edge.static import Files
from sonant.edge.tickets import LIFE_S, TicketOffice, Tickets
from sonant.errors import ModelError, RequestError, SonantError

if TYPE_CHECKING:
    from ray.serve import Application

log = logging.getLogger(__name__)

CONSOLE = Path(__file__).parent / "console"
_ASK_S = 5.0

Description = dict[str, Any]


class Directory(Protocol):
    """Where the other applications are asked."""

    async def describe(self, name: str) -> Description:
        """`Ingress.describe` of an application; raises whatever keeps it from answering."""
        ...

    async def snapshots(self, name: str, deployments: list[str]) -> dict[str, metrics.Snapshot]:
        """The counters of all replicas of an application, by replica."""
        ...

    async def rollouts(self, name: str) -> list[dict[str, Any]]:
        """`Ingress.rollout` of all replicas of an application."""
        ...


class Alive(BaseModel):
    """The process answers."""

    live: bool

    model_config = {"json_schema_extra": {"example": {"live": True}}}


class Readiness(BaseModel):
    """What is loaded."""

    ready: bool
    applications: dict[str, bool]
    """By name."""

    model_config = {
        "use_attribute_docstrings": True,
        "json_schema_extra": {"example": {"ready": True, "applications": {"words": True}}},
    }


_CARD: dict[str, JsonValue] = {
    "id": "words/20251121-031822",
    "object": "model",
    "created": 1763695102,
    "owned_by": "sonant",
    "applications": ["words"],
}


class ModelCard(BaseModel):
    """A model, in the form of OpenAI's API."""

    id: str
    """Name and version."""
    object: Literal["model"]
    created: int
    """Seconds since 1970."""
    owned_by: str
    applications: list[str]
    """Those that serve it."""

    model_config = {"use_attribute_docstrings": True, "json_schema_extra": {"example": _CARD}}


class ModelList(BaseModel):
    """All models that are served."""

    object: Literal["list"]
    data: list[ModelCard]
    models: list[dict[str, Any]]
    """Everything, by application: what its /info tells, and its `application` and `route`."""

    model_config = {
        "use_attribute_docstrings": True,
        "json_schema_extra": {
            "example": {
                "object": "list",
                "data": [_CARD],
                "models": [{"application": "words", "route": "/v1/audio/classifications", "task": "classify"}],
            }
        },
    }


class Ticket(BaseModel):
    """What opens one live session."""

    ticket: str
    """Goes into the address of the socket: `?ticket=`."""
    expires_s: float
    """Seconds within which the socket must be opened."""

    model_config = {
        "use_attribute_docstrings": True,
        "json_schema_extra": {"example": {"ticket": "kq3vJ0cFv2nC5s1w7yQm0l8rT4eXb6Za", "expires_s": 30.0}},
    }


def create_api(
    app: HomeApp, directory: Directory, tickets: TicketOffice | None = None, *, echo_request_id: bool = True
) -> FastAPI:
    """The routes of the home application; without `tickets`, they are sold in this process alone."""
    api = face.create("home", echo_request_id=echo_request_id)
    files = Files(CONSOLE)

    async def found() -> dict[str, Description]:
        """Descriptions of the applications that answer."""
        names = list(app.applications)
        answers = await asyncio.gather(*(_ask(directory, name) for name in names))
        return {name: answer for name, answer in zip(names, answers, strict=True) if answer is not None}

    @api.get("/livez", summary="Whether this process answers", response_model=Alive, tags=["home"])
    async def livez() -> dict[str, bool]:
        return {"live": True}

    @api.get(
        "/readyz",
        summary="Whether every application is loaded",
        tags=["home"],
        responses={200: {"model": Readiness}, **errors.documented("server.starting")},
    )
    async def readyz(request: Request) -> Response:
        ready = await found()
        states = {name: name in ready for name in app.applications}
        if all(states.values()):
            return JSONResponse({"ready": True, "applications": states})
        waiting = ", ".join(name for name, up in states.items() if not up)
        error = SonantError("server.starting", f"not loaded: {waiting}")
        return errors.response(error, errors.request_id(request.scope))

    async def served() -> list[Description]:
        return [
            {"application": name, "route": app.applications[name], **answer["model"]}
            for name, answer in (await found()).items()
            if answer["model"] is not None
        ]

    add_models(api, served)

    @api.get(
        "/metrics",
        summary="Prometheus metrics of all replicas",
        response_class=Response,
        responses=_METRICS,
        tags=["home"],
    )
    async def counters() -> Response:
        snapshots: dict[str, metrics.Snapshot] = {}
        for name, answer in (await found()).items():
            snapshots |= await directory.snapshots(name, answer["deployments"])
        return Response(metrics.render(snapshots), media_type=metrics.CONTENT_TYPE)

    add_rollouts(api, served, directory)
    add_tickets(api, tickets or Tickets())

    @api.get("/openapi.json", include_in_schema=False)
    async def openapi() -> Response:
        documents = {app.applications[name]: answer["openapi"] for name, answer in (await found()).items()}
        return JSONResponse(merge(app.title, {**documents, "": face.openapi(api, at_home)}, keys=app.keys is not None))

    @api.get("/", include_in_schema=False)
    async def console(request: Request) -> Response:
        return files.answer(request, "index.html")

    @api.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return files.answer(request, "docs.html")

    @api.get("/console/{name}", include_in_schema=False)
    async def part(request: Request, name: str) -> Response:
        return files.answer(request, name)

    face.refuse_other_sockets(api)
    return api


_METRICS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Text, version 0.0.4.",
        "content": {
            "text/plain": {
                "schema": {"type": "string"},
                "example": "# TYPE sonant_requests_total counter\nsonant_requests_total 7.0\n",
            }
        },
    }
}


def add_models(api: FastAPI, served: Callable[[], Awaitable[list[Description]]]) -> None:
    """The routes that tell what is served."""

    @api.get("/v1/models", summary="Models that are served", response_model=ModelList, tags=["home"])
    async def models() -> dict[str, Any]:
        """`data` is the list as clients of OpenAI's API read it; `models` tells everything, by application."""
        told = await served()
        return {"object": "list", "data": listed(told), "models": told}

    @api.get(
        "/v1/models/{model:path}",
        summary="One model that is served",
        response_model=ModelCard,
        tags=["home"],
        responses=errors.documented("model.unknown"),
    )
    async def model(model: str) -> dict[str, Any]:
        """The entry of a model in `data` of /v1/models."""
        for one in listed(await served()):
            if one["id"] == model:
                return one
        raise ModelError("model.unknown", f"no model {model[:64]!r} is served here")


def listed(served: Sequence[Description]) -> list[Description]:
    """Models in the form of OpenAI's API, each once, however many applications serve it."""
    found: dict[str, Description] = {}
    for one in served:
        created = int(datetime.fromisoformat(one["created"]).timestamp())
        plain = {"id": one["model"], "object": "model", "created": created, "owned_by": "sonant", "applications": []}
        found.setdefault(one["model"], plain)["applications"].append(one["application"])
    return list(found.values())


def add_tickets(api: FastAPI, office: TicketOffice) -> None:
    """The route that sells tickets for sockets."""

    @api.post(
        "/v1/tickets",
        status_code=201,
        summary="A ticket for one live session",
        responses=errors.documented("request.invalid"),
        tags=["home"],
    )
    async def ticket(request: Request) -> Ticket:
        """For browsers, which cannot send a key with a socket: `WS <route>/stream?ticket=...`, once and soon."""
        key = key_of(request)
        if key is None:
            raise RequestError("request.invalid", "no keys are asked for here", hint="open the socket without a ticket")
        return Ticket(ticket=await office.issue(key.id), expires_s=LIFE_S)


async def _ask(directory: Directory, name: str) -> Description | None:
    """An application's description; None when it does not answer, for whatever reason."""
    try:
        async with asyncio.timeout(_ASK_S):
            return await directory.describe(name)
    except Exception as error:
        log.info("application %s does not answer: %s", name, error)
        return None


# ---- Ray ------------------------------------------------------------------------------------------------------------


async def ask(name: str) -> Description:
    """What an application tells of itself; it waits for a replica, and wakes one."""
    from ray import serve

    return await serve.get_app_handle(name).describe.remote()


def is_asleep(name: str) -> bool:
    """Whether an application is well and has no replica, because nobody has asked for a while."""
    from ray import serve

    found = serve.status().applications.get(name)
    ingress = None if found is None else found.deployments.get("Ingress")
    return ingress is not None and ingress.status.value == "HEALTHY" and not any(ingress.replica_states.values())


class ServeDirectory:
    """Asks through Serve handles. An application that sleeps is not woken by those who look after it."""

    def __init__(
        self,
        ask: Callable[[str], Awaitable[Description]] = ask,
        is_asleep: Callable[[str], bool] = is_asleep,
    ) -> None:
        self._ask, self._is_asleep = ask, is_asleep
        self._told: dict[str, Description] = {}

    async def describe(self, name: str) -> Description:
        told = self._told.get(name)
        if told is None or not told.get("sleeps") or not await asyncio.to_thread(self._is_asleep, name):
            told = self._told[name] = await self._ask(name)
        return told

    async def snapshots(self, name: str, deployments: list[str]) -> dict[str, metrics.Snapshot]:
        from ray import serve

        found: dict[str, metrics.Snapshot] = {}
        for deployment in deployments:
            handle = serve.get_deployment_handle(deployment, name)
            found |= dict(await handle.broadcast("snapshot").results_async(timeout_s=_ASK_S))
        return found

    async def rollouts(self, name: str) -> list[dict[str, Any]]:
        from ray import serve

        wires = await serve.get_deployment_handle("Ingress", name).broadcast("rollout").results_async(timeout_s=_ASK_S)
        return [wire for wire in wires if wire is not None]


class Home:
    """The replica."""

    def __init__(self, args: dict[str, Any]) -> None:
        self._app: HomeApp = check(HomeApp, args)
        self._tickets = SharedTickets()
        if self._app.keys is not None and self._app.keys != ANYONE:
            self._tickets.open()
        self._api = create_api(self._app, ServeDirectory(), self._tickets, echo_request_id=False)

    def __serve_build_asgi_app__(self) -> ASGIApp:
        return behind_door(self._api, self._app, at_home, tickets=self._tickets)


def build(args: dict[str, Any]) -> Application:
    """The application for the `args` of a serve file."""
    from ray import serve

    app: HomeApp = check(HomeApp, args, source="serve_apps.home")
    check_exposure(app)
    home = serve.deployment(name="Home", max_ongoing_requests=1000, ray_actor_options={"num_cpus": 0})
    return home(serve.ingress()(Home)).bind(app.model_dump(mode="json"))
