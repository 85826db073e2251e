"""The messages of a live session, typed both ways.

    client                                              server
    {"type": "start", "format": ..., ...}               {"type": "ready", "session", "model", "labels", "hop_ms"}
    binary: audio in that format                        {"type": "event", "t_start", "t_end", "label", "score"}
                                                        {"type": "scores", "t", "scores": {label: p}}   when asked
    {"type": "ping"}                                    {"type": "pong"}
    {"type": "end"}                                     {"type": "done", "audio_s"}, then close 1000
                                                        {"type": "error", "error": {...}}, then the error's close code

Where the answer is sound (extraction, enhancement), `ready` also has `output`, and in place of events and scores come

                                                        binary: sound in the format of `output`
                                                        {"type": "level", "t", "input_dbfs", "output_dbfs", "presence"}

The first sample that is sent stands for the client's first one, and with `done` there are as many as the audio has at
the rate of `output`: those that the network held back come after `end`.

An extractor is told whose voice is wanted: `"speaker": "spk_..."` in the start message, or `"enroll": true`. Then a
recording of the voice follows, before `ready`: an encoded file as POST takes it, in binary messages cut anywhere, and
after the last of them {"type": "enrolled"}. It is bounded like an upload.

A start message with `"resume": true` makes a session that survives its connection: `ready` has a token, from time to
time comes {"type": "ack", "number", "messages"}, to be answered with {"type": "ack", "number"}, and a new connection
goes on with {"type": "resume", "token", "number", "received"}. docs/protocol.md tells it in full.
Of what came in a share can be mixed with what goes out, sample by sample: `"dry": 0.1` in the start message, and from
any time on {"type": "set", "dry": ...}; 1 is what was sent, as late as the answer.

Times are seconds of audio since the session's first sample.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sonant.audio.stream_decode import StreamFormat
from sonant.errors import RequestError, SonantError

MAX_TEXT = 4096
"""Largest text message in characters: all of ours are far smaller."""


SoundFormat = Literal["pcm_s16le", "pcm_f32le"]
Dry = Annotated[float, Field(ge=0, le=1)]


class Incoming(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Start(Incoming):
    """First message of a session: what the binary messages hold."""

    type: Literal["start"]
    format: StreamFormat = "pcm_s16le"
    """Raw little-endian mono PCM, or a container as MediaRecorder cuts it into pieces."""
    sample_rate_hz: Annotated[int, Field(ge=4000, le=192_000)] = 16_000
    """Rate of raw PCM; containers carry their own."""
    scores: bool = False
    """Also send the probability of every label, once a chunk."""
    output: SoundFormat | None = None
    """Where the answer is sound: its samples; pcm_s16le when nothing is said."""
    dry: Dry = 0.0
    """Where the answer is sound: the share of what came in that is mixed with it."""
    speaker: Annotated[str, Field(max_length=64)] | None = None
    """An extractor's wanted voice: the id of an enrolled speaker."""
    resume: bool = False
    """The session is to go on elsewhere when its connection or replica is lost. Raw PCM only."""
    enroll: bool = False
    """The wanted voice is in a recording that follows: binary messages, and then `enrolled`."""


class Set(Incoming):
    """Changes a session while it goes on: what is answered from here on."""

    type: Literal["set"]
    dry: Dry
    """As in the start message."""


class Enrolled(Incoming):
    """The recording of the wanted voice is complete."""

    type: Literal["enrolled"]


class Resume(Incoming):
    """First message of a connection that goes on with a session. All binary messages follow that were sent after the
    record, cut as they were."""

    type: Literal["resume"]
    token: Annotated[str, Field(min_length=1, max_length=64)]
    """What `ready` gave."""
    number: Annotated[int, Field(ge=0)]
    """Number of the last `ack`; 0 when there was none."""
    received: Annotated[int, Field(ge=0)]
    """Answers (events, scores, levels, binary messages) that came in this session so far."""


class Acked(Incoming):
    """The client has got an `ack`, and so all that was said before it."""

    type: Literal["ack"]
    number: Annotated[int, Field(ge=0)]


class Pause(Incoming):
    """No audio for a while: a longer idle limit holds until the next of it."""

    type: Literal["pause"]


class End(Incoming):
    """No more audio: flush, answer and close."""

    type: Literal["end"]


class Ping(Incoming):
    """Keeps a silent session open."""

    type: Literal["ping"]


Client = Start | Resume | Enrolled | Set | Acked | Pause | End | Ping
ClientMessage = Annotated[Client, Field(discriminator="type")]
_CLIENT: TypeAdapter[Client] = TypeAdapter(ClientMessage)


class Outgoing(BaseModel):
    model_config = ConfigDict(frozen=True)

    def text(self) -> str:
        return self.model_dump_json(exclude_none=True)


class Output(Outgoing):
    """What binary messages to the client hold: mono, little-endian."""

    format: SoundFormat
    sample_rate_hz: int
    latency_ms: float
    """How far the network looks ahead; filling a hop, the way there and back come on top."""


class Ready(Outgoing):
    """The session holds a slot; audio may come."""

    type: Literal["ready"] = "ready"
    session: str
    model: str
    labels: list[str]
    hop_ms: float
    """Audio between two frames of scores, or of a step of sound."""
    output: Output | None = None
    """Not there where the answer is no sound."""
    resume: str | None = None
    """Token to go on with this session on another connection; not there where it cannot be."""
    messages: int | None = None
    """Of a session that goes on: binary messages that need not be sent again."""


class Ack(Outgoing):
    """The session can go on from here: what was sent before need not be kept. To be answered with the same number."""

    type: Literal["ack"] = "ack"
    number: int
    messages: int
    """Binary messages with audio that need not be kept any more."""


class Drain(Outgoing):
    """The replica is about to leave. With a token the session is saved and the socket closes with 1012: connect again
    and resume. Without, end within the time."""

    type: Literal["drain"] = "drain"
    resume: str | None = None
    within_s: float


class Event(Outgoing):
    """A label was heard."""

    type: Literal["event"] = "event"
    t_start: float
    t_end: float
    label: str
    score: float


class Scores(Outgoing):
    """Probabilities of all labels at one time."""

    type: Literal["scores"] = "scores"
    t: float
    scores: dict[str, float]


class Level(Outgoing):
    """How loud the sound was since the last such message: RMS, 0 is full scale, -120 is nothing at all."""

    type: Literal["level"] = "level"
    t: float
    """End of the sound that has been sent."""
    input_dbfs: float
    output_dbfs: float
    presence: float | None = None
    """Mean probability that the wanted voice is there; not there where the network does not tell."""


class Pong(Outgoing):
    """Answers a ping."""

    type: Literal["pong"] = "pong"


class Done(Outgoing):
    """All audio was used; the socket closes with 1000."""

    type: Literal["done"] = "done"
    audio_s: float


class ErrorMessage(Outgoing):
    """Why the session ends; the close code follows."""

    type: Literal["error"] = "error"
    error: dict[str, str]


ServerMessage = Ready | Event | Scores | Level | Ack | Drain | Pong | Done | ErrorMessage


def parse(text: str) -> Client:
    """A client's text message, or RequestError that says what is wrong with it."""
    if len(text) > MAX_TEXT:
        raise RequestError("request.invalid", f"text messages have at most {MAX_TEXT} characters; audio goes as binary")
    try:
        return _CLIENT.validate_json(text)
    except ValidationError as error:
        told = "; ".join(_fault(fault) for fault in error.errors(include_url=False, include_input=False))
        raise RequestError("request.invalid", told) from None


def error_message(error: SonantError, session: str) -> ErrorMessage:
    return ErrorMessage(error=error.body(session)["error"])


def json_schemas() -> dict[str, Any]:
    """JSON schemas of both directions, for the documentation of a socket that OpenAPI cannot describe."""
    return {"client": _CLIENT.json_schema(), "server": TypeAdapter(ServerMessage).json_schema()}


def _fault(fault: Any) -> str:
    where = ".".join(str(part) for part in fault["loc"])
    message = str(fault["msg"])
    return f"{where}: {message[:1].lower()}{message[1:]}" if where else f"not a message of ours: {message}"
