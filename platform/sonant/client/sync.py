"""The client for programs without asyncio; requests need nothing but the standard library."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Literal, TypeVar, Unpack
from urllib.parse import urlsplit

from sonant.client import answers, calls
from sonant.client.calls import Call, Form, Subtitles
from sonant.client.form import Audio
from sonant.client.refusal import Reply, retry_after_s
from sonant.errors import RequestError

if TYPE_CHECKING:
    from sonant.client.stream import Heard, Stream, Wanted

URL = "http://127.0.0.1:8000"
TIMEOUT_S = 600.0
PATIENCE_S = 10.0

Answer = TypeVar("Answer")
_SCHEMES: dict[str, type[HTTPConnection]] = {"http": HTTPConnection, "https": HTTPSConnection}


class Client:
    """Asks the server at `url`; `key` is an API key, where the server wants one. What the server refuses is raised as
    `Refusal`, with its own code, message and hint."""

    def __init__(
        self, url: str = URL, key: str | None = None, *, patience_s: float = PATIENCE_S, timeout_s: float = TIMEOUT_S
    ) -> None:
        """A request that is refused for now (429, 503) is sent once more after the time that the server asks for, if
        that is at most `patience_s`; an answer may take `timeout_s`."""
        self.url, self._key = url.rstrip("/"), key
        self._connect, self._prefix = _server(self.url, timeout_s)
        self._patience_s = patience_s
        self._pause: Callable[[float], None] = time.sleep

    def classify(self, audio: Audio, *, top_k: int | None = None) -> answers.Classification:
        """What is heard in a recording; `top_k` labels, or all."""
        return self._answer(calls.classify(audio, top_k=top_k))

    def emotions(self, audio: Audio, *, timeline: bool = False) -> answers.Emotions:
        """How a voice sounds, and with `timeline` how that changes along the recording."""
        return self._answer(calls.emotions(audio, timeline=timeline))

    def detect(self, audio: Audio, *, operating_point: str | None = None) -> answers.Detections:
        """What is heard when; the operating points are those that the model has."""
        return self._answer(calls.detect(audio, operating_point=operating_point))

    def embed(self, audio: Audio) -> answers.Embedding:
        """The vector of a recording."""
        return self._answer(calls.embed(audio))

    def verify(
        self,
        audio: Audio,
        reference: Audio | None = None,
        *,
        speaker: str | None = None,
        operating_point: str | None = None,
    ) -> answers.Verification:
        """Whether a recording is of the same speaker as `reference`, or as an enrolled one: the id `speaker`."""
        return self._answer(calls.verify(audio, reference, speaker=speaker, operating_point=operating_point))

    def extract(
        self, audio: Audio, references: Sequence[Audio] = (), *, speaker: str | None = None, form: Form = "wav"
    ) -> answers.Sound:
        """The voice that the references, or the enrolled `speaker`, have, as it is in the recording."""
        return self._answer(calls.extract(audio, references, speaker=speaker, form=form))

    def enhance(self, audio: Audio, *, dry: float = 0.0, store: bool = False, form: Form = "wav") -> answers.Sound:
        """The recording without its noise; the share `dry` of it stays. With `store`, the server keeps the answer for a
        time: `result` and `forget` take its id."""
        return self._answer(calls.enhance(audio, dry=dry, store=store, form=form))

    def result(self, kept: str) -> answers.Sound:
        """An answer that the server keeps."""
        return self._answer(calls.result(kept))

    def forget(self, kept: str) -> None:
        """Ends an answer that the server keeps."""
        self._answer(calls.forget(kept))

    def transcribe(
        self,
        audio: Audio,
        *,
        language: str | None = None,
        prompt: str | None = None,
        words: bool = False,
        enhance: Literal["off", "auto", "on"] | None = None,
        model: str | None = None,
    ) -> answers.Transcript:
        """What is said in a recording, and when; with `words`, of each word too."""
        return self._answer(
            calls.transcribe(audio, language=language, prompt=prompt, words=words, enhance=enhance, model=model)
        )

    def subtitles(self, audio: Audio, form: Subtitles = "srt", *, language: str | None = None) -> str:
        """What is said in a recording, as subtitles or plain text."""
        return self._answer(calls.subtitles(audio, form, language=language))

    def enrol(self, recordings: Sequence[Audio], *, name: str = "", ttl_s: float | None = None) -> answers.Speaker:
        """Keeps the voice of a speaker (not the recordings) for a time; `name` is for people."""
        return self._answer(calls.enrol(recordings, name=name, ttl_s=ttl_s))

    def speakers(self) -> Iterator[answers.Speaker]:
        """Everybody who is enrolled, asked for as it is read."""
        after: str | None = ""
        while after is not None:
            some = self._answer(calls.speakers(after))
            yield from some.speakers
            after = some.next

    def speaker(self, speaker_id: str) -> answers.Speaker:
        """An enrolled speaker."""
        return self._answer(calls.speaker(speaker_id))

    def delete_speaker(self, speaker_id: str) -> None:
        """Ends an enrolment."""
        self._answer(calls.delete_speaker(speaker_id))

    def models(self) -> list[answers.Model]:
        """All that is served, once for each application."""
        return self._answer(calls.models())

    def rollouts(self) -> list[answers.Rollout]:
        """Candidates on trial, and how they compare with what answers."""
        return self._answer(calls.rollouts())

    def stream(self, route: str, sound: Iterable[Heard], **wanted: Unpack[Wanted]) -> Stream:
        """A live session of /v1/audio/<route>, or of the path `route`: sound goes in as `sound` gives it, answers come
        out of the iterator that this is. See `sonant.client.stream`."""
        from sonant.client.stream import Stream, session

        return Stream(session(self.url, route, self._key, **wanted), sound)

    def _answer(self, call: Call[Answer]) -> Answer:
        body = call.body()
        reply = self._ask(call, body)
        wait_s = retry_after_s(reply)
        if wait_s is not None and wait_s <= self._patience_s:
            self._pause(wait_s)
            reply = self._ask(call, body)
        return call.answer(self.url, reply)

    def _ask(self, call: Call[Answer], body: tuple[str, bytes] | None) -> Reply:
        headers = {"Accept": call.accept, **({} if body is None else {"Content-Type": body[0]})}
        headers |= {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            with closing(self._connect()) as connection:
                # A server that refuses early hangs up while we still send: its answer tells why.
                with suppress(BrokenPipeError, ConnectionResetError):
                    connection.request(call.method, self._prefix + call.path, body and body[1], headers)
                response: HTTPResponse = connection.getresponse()
                told = {name.lower(): value for name, value in response.getheaders()}
                return Reply(response.status, told, response.read())
        except (OSError, HTTPException) as error:
            raise unreachable(self.url, error) from error


def unreachable(url: str, error: Exception) -> RequestError:
    """What is raised when nothing came back."""
    return RequestError("server.unreachable", f"no answer from {url}: {str(error) or type(error).__name__}")


def address(url: str) -> tuple[str, str, int | None, str]:
    """Scheme, host, port and the path that the routes begin with."""
    with suppress(ValueError):
        parts = urlsplit(url)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
        if host and scheme in _SCHEMES:
            return scheme, host, port, parts.path.rstrip("/")
    raise RequestError("request.invalid", f"{url!r} is no address of a server", hint=f"write it as {URL}")


def _server(url: str, timeout_s: float) -> tuple[Callable[[], HTTPConnection], str]:
    """What connects to the server at `url`, and the path that its routes begin with."""
    scheme, host, port, path = address(url)
    return lambda: _SCHEMES[scheme](host, port, timeout=timeout_s), path
