"""Every error a user can meet: one table of codes, and one family of exceptions that carry them.

The table is the single source for what HTTP status and WebSocket close code an error gets, for the default hint and
for docs/errors.md. Raise the class whose family matches the code's prefix:

    raise AudioError("audio.too_long", f"decoded more than {limit_s:g} s", hint="cut the file, or raise the limit")
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """What an error code means outside Python: HTTP status, WebSocket close code, and what the user can do."""

    http: int
    ws: int
    hint: str


ERRORS: dict[str, Meaning] = {
    "config.not_found": Meaning(404, 1008, "give a path, or a name under configs/ such as kws/tc_resnet"),
    "config.syntax": Meaning(422, 1008, "the file must be plain YAML: a mapping of data, no tags"),
    "config.invalid": Meaning(422, 1008, "docs/configuration.md lists every key with its type and unit"),
    "data.not_found": Meaning(404, 1008, "run `sonant prepare` first, or check the path"),
    "data.empty": Meaning(422, 1008, "the folder or manifest must hold at least one usable clip"),
    "data.invalid": Meaning(422, 1008, "see docs/data.md for the columns of a manifest"),
    "data.leak": Meaning(422, 1008, "split by speaker, or drop the duplicated clips"),
    "audio.empty": Meaning(422, 1008, "send at least a few milliseconds of sound"),
    "audio.undecodable": Meaning(422, 1003, "send wav, flac, mp3, ogg, webm or m4a audio"),
    "audio.unsupported": Meaning(415, 1003, "send wav, flac, mp3, ogg, webm or m4a audio"),
    "audio.too_big": Meaning(413, 1009, "send a smaller file"),
    "audio.too_long": Meaning(413, 1009, "send a shorter recording"),
    "audio.not_finite": Meaning(422, 1003, "the samples hold NaN or infinity: write the file again"),
    "model.unknown": Meaning(404, 1008, "`sonant models` lists the networks, GET /v1/models what is served"),
    "model.no_stream": Meaning(422, 1008, "train with model.causal=true to get a bundle that streams"),
    "run.not_found": Meaning(404, 1008, "give a run folder: it holds config.yaml and checkpoints/"),
    "run.failed": Meaning(500, 1011, "events.jsonl in the run folder says how far it came"),
    "run.invalid": Meaning(
        422, 1008, "the folder was changed by hand: train anew, or take the weights of the same config"
    ),
    "run.diverged": Meaning(500, 1011, "lower train.lr, or turn on gradient clipping"),
    "bundle.not_found": Meaning(404, 1008, "give a bundle folder, STORE/NAME@ALIAS or STORE/NAME/VERSION"),
    "bundle.invalid": Meaning(422, 1008, "export it again: the folder is incomplete or from another version"),
    "bundle.tampered": Meaning(422, 1008, "a file differs from its recorded hash: export the run again"),
    "bundle.unproven": Meaning(422, 1008, "the parity record is missing or failed: export the run again"),
    "env.missing_extra": Meaning(500, 1011, "install the extra that the message names"),
    "env.port_in_use": Meaning(500, 1011, "stop the other server, or choose another port"),
    "env.disk_full": Meaning(507, 1011, "free some space: nothing was left half-written"),
    "env.child": Meaning(500, 1011, "a helper process crashed or hung: run it again, and report what it was at"),
    "env.cluster": Meaning(503, 1013, "check the address and that the cluster is up"),
    "env.no_device": Meaning(500, 1011, "plug a microphone in, or play a file with --file"),
    "env.exposed": Meaning(500, 1011, "listen on 127.0.0.1, or export RAY_AUTH_MODE=token first"),
    "request.unauthorized": Meaning(401, 1008, "send `Authorization: Bearer KEY`; `sonant keys add` makes keys"),
    "request.forbidden": Meaning(403, 1008, "use a key with that right: `sonant keys list` shows what keys may do"),
    "request.quota": Meaning(429, 4429, "wait as long as Retry-After says, or ask for a higher limit"),
    "request.invalid": Meaning(422, 1008, "/docs describes every route and message"),
    "request.not_found": Meaning(404, 1008, "/docs lists the routes"),
    "request.method": Meaning(405, 1008, "/docs lists the routes"),
    "request.not_acceptable": Meaning(406, 1008, "accept audio/wav, audio/flac, audio/ogg or application/json"),
    "request.origin": Meaning(403, 1008, "open the page from this server, or add its origin to allowed_origins"),
    "request.upgrade": Meaning(426, 1008, "open it as a WebSocket: ws:// or wss://"),
    "request.too_slow": Meaning(408, 4408, "send audio or a ping within the idle limit"),
    "speaker.not_found": Meaning(404, 1008, "enrol with POST /v1/speakers; an enrolment ends in time"),
    "speaker.mismatch": Meaning(409, 1008, "vectors of different models cannot be compared: enrol the speaker again"),
    "result.not_found": Meaning(404, 1008, "send the recording again with store=true; what is kept ends in time"),
    "server.starting": Meaning(503, 1013, "try again in a moment: not every application is loaded"),
    "session.lost": Meaning(404, 1008, "begin a new session: what is kept of one ends a minute after its connection"),
    "server.draining": Meaning(503, 1013, "try again in a moment: another replica, or the next version, takes over"),
    "server.full": Meaning(503, 1013, "try again in a moment"),
    "server.unreachable": Meaning(503, 1013, "start one with `sonant serve`, or give its address with --url"),
    "server.internal": Meaning(500, 1011, "this is our fault: please report the request id"),
}


class SonantError(ValueError):
    """A mistake or condition that a user can act on: shown as one line with a hint, never as a traceback."""

    def __init__(self, code: str, message: str, *, hint: str | None = None) -> None:
        assert code in ERRORS, f"unlisted error code {code!r}"
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint if hint is not None else ERRORS[code].hint

    @property
    def http_status(self) -> int:
        return ERRORS[self.code].http

    @property
    def ws_close(self) -> int:
        return ERRORS[self.code].ws

    def body(self, request_id: str = "") -> dict[str, dict[str, str]]:
        """The JSON that every HTTP route and socket answers with."""
        return {"error": {"code": self.code, "message": self.message, "hint": self.hint, "request_id": request_id}}

    def line(self) -> str:
        """One line for a terminal."""
        return f"error[{self.code}]: {self.message} (hint: {self.hint})"

    def __reduce__(self) -> tuple[object, ...]:
        # Ray carries exceptions between processes; the default would call __init__ with the message alone.
        return (_rebuild, (type(self), self.code, self.message, self.hint))


def _rebuild(kind: type[SonantError], code: str, message: str, hint: str) -> SonantError:
    return kind(code, message, hint=hint)


class ConfigError(SonantError):
    """A config file or override is wrong."""


class DataError(SonantError):
    """A corpus, manifest or split is wrong."""


class AudioError(SonantError):
    """Bytes that were sent as audio cannot be used."""


class ModelError(SonantError):
    """A network was asked for something it is not or does not have."""


class RunError(SonantError):
    """A training run cannot start, continue or be read."""


class BundleError(SonantError):
    """A bundle cannot be found or trusted."""


class EnvError(SonantError):
    """The machine lacks something: an extra, a port, disk, a cluster."""


class RequestError(SonantError):
    """A request or socket message is wrong, or cannot be served now."""
