"""The outermost layer of every application: who may come in, and how much they may ask for.

With keys, nobody passes without one that has the right a route needs; what is open is named in `at_home`, all else is
not. Without keys everybody passes: `exposure` sees to it that only this machine gets that far.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Literal, cast
from urllib.parse import parse_qs

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from sonant.edge import errors
from sonant.edge.explain import explain
from sonant.edge.keys import Key, Keyring, Right
from sonant.edge.quota import Account, Bucket, Clock, OverQuotaError, account, limits
from sonant.edge.tickets import TicketOffice
from sonant.errors import RequestError

Need = Right | Literal["nothing", "a key"]
Rule = Callable[[Scope], Need]

_KEY = "sonant.key"
_GUESSES_PER_MIN = 100
"""Wrong keys that a replica looks at; holders of right ones notice nothing of it."""
_OPEN = frozenset({"/", "/docs", "/livez", "/readyz"})


def at_recordings(scope: Scope) -> Need:
    """Rule of an application that answers about sound: /info is for every key."""
    if scope["type"] == "websocket":
        return "stream"
    return "a key" if scope["method"] == "GET" else "infer"


def at_speakers(scope: Scope) -> Need:
    """Rule of the application that keeps speakers: reading them, too, is for those who may enrol."""
    return "enrol"


def at_home(scope: Scope) -> Need:
    """Rule of the home application: health and the console's own files, which hold no data, are open."""
    path = route_path(scope)
    if scope["type"] == "websocket" or path == "/v1/tickets":
        return "stream"
    if scope["method"] != "GET" or path == "/metrics":
        return "admin"
    return "nothing" if path in _OPEN or path.startswith("/console/") else "a key"


def route_path(scope: Scope) -> str:
    """The path behind the application's prefix."""
    return cast(str, scope["path"]).removeprefix(cast(str, scope.get("root_path", "")))


def key_of(connection: HTTPConnection) -> Key | None:
    """The key that a request came in with; None where there are no keys."""
    return key_of_scope(connection.scope)


def key_of_scope(scope: Scope) -> Key | None:
    """The same, below the framework."""
    return cast("Key | None", scope.get(_KEY))


class Door:
    """Lets requests and sockets through to `app`."""

    def __init__(
        self,
        app: ASGIApp,
        keyring: Keyring | None,
        rule: Rule,
        tickets: TicketOffice,
        *,
        echo_request_id: bool = True,
        clock: Clock | None = None,
    ) -> None:
        self.app = app
        self._keyring, self._rule, self._tickets = keyring, rule, tickets
        self._echo = echo_request_id
        self._accounts: dict[str, Account] = {}
        self._clock = {} if clock is None else {"clock": clock}
        self._guesses = Bucket(_GUESSES_PER_MIN, **self._clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._keyring is None or scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        need = self._rule(scope)
        if need == "nothing":
            return await self.app(scope, receive, send)
        payer = None
        try:
            key = await self._identify(self._keyring, scope)
            if need != "a key" and need not in key.rights:
                raise RequestError("request.forbidden", f"the key {key.name!r} has no right to {need}")
            payer = self._account(key)
            payer.admit()
        except RequestError as error:
            return await self._refuse(error, payer, scope, receive, send)
        scope[_KEY] = key
        before = account.set(payer)
        try:
            await self.app(scope, receive, _counted(payer, send) if scope["type"] == "http" else send)
        finally:
            account.reset(before)

    async def _identify(self, keyring: Keyring, scope: Scope) -> Key:
        """The key of a request, or of a socket's ticket."""
        shown = next((value for name, value in scope["headers"] if name == b"authorization"), None)
        if shown is not None:
            kind, _, token = shown.partition(b" ")
            key = keyring.find(token.strip()) if kind.lower() == b"bearer" else None
        else:
            ticket = parse_qs(scope["query_string"]).get(b"ticket") if scope["type"] == "websocket" else None
            if not ticket:
                raise RequestError("request.unauthorized", "there is no key in the request")
            holder = await self._tickets.redeem(ticket[0].decode("latin-1"))
            key = None if holder is None else keyring.by_id(holder)
        if key is None:
            if (wait_s := self._guesses.wait_s(1)) > 0:
                raise OverQuotaError("wrong keys", wait_s)
            self._guesses.take(1)
            raise RequestError("request.unauthorized", "the key or ticket is not valid, or not any more")
        return key

    def _account(self, key: Key) -> Account:
        known = self._accounts.get(key.id)
        if known is None or known.limits != limits(key):
            known = self._accounts[key.id] = Account(key, **self._clock)
        return known

    async def _refuse(
        self, error: RequestError, payer: Account | None, scope: Scope, receive: Receive, send: Send
    ) -> None:
        identity = scope["request_id"] = errors.identify(scope)
        if scope["type"] == "websocket":
            # A handshake that fails tells a browser nothing: the message comes first, then the close code.
            socket = WebSocket(scope, receive, send)
            with suppress(WebSocketDisconnect):
                await socket.accept()
                await explain(socket, error)
            return
        answer = errors.response(error, identity)
        answer.raw_headers += [] if payer is None else payer.headers()
        if isinstance(error, OverQuotaError):
            answer.headers["Retry-After"] = str(error.wait_s)
        if error.code == "request.unauthorized":
            answer.headers["WWW-Authenticate"] = "Bearer"
        if self._echo:
            answer.headers["X-Request-Id"] = identity
        await answer(scope, receive, send)


def _counted(payer: Account, send: Send) -> Send:
    """Answers say how much is left, where there is a limit."""
    if payer.requests is None:
        return send

    async def forward(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *payer.headers()]
        await send(message)

    return forward
