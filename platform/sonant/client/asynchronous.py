"""The client for asyncio: httpx for requests, websockets for live sessions."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack

from sonant.client import answers, calls
from sonant.client.calls import Call, Form, Subtitles
from sonant.client.form import Audio
from sonant.client.refusal import Reply, retry_after_s
from sonant.client.sync import PATIENCE_S, TIMEOUT_S, URL, address, unreachable
from sonant.errors import EnvError

if TYPE_CHECKING:
    from sonant.client.stream import AsyncStream, Heard, Wanted

Answer = TypeVar("Answer")


class AsyncClient:
    """`Client` for asyncio: the same methods, to be awaited. `async with` it, or `close` it."""

    def __init__(
        self, url: str = URL, key: str | None = None, *, patience_s: float = PATIENCE_S, timeout_s: float = TIMEOUT_S
    ) -> None:
        """As `Client`."""
        address(url)
        self.url, self._key = url.rstrip("/"), key
        self._patience_s = patience_s
        self._pause: Callable[[float], Awaitable[None]] = asyncio.sleep
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = _httpx().AsyncClient(headers=headers, timeout=timeout_s)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes its connections."""
        await self._http.aclose()

    async def classify(self, audio: Audio, *, top_k: int | None = None) -> answers.Classification:
        """What is heard in a recording; `top_k` labels, or all."""
        return await self._answer(calls.classify(audio, top_k=top_k))

    async def emotions(self, audio: Audio, *, timeline: bool = False) -> answers.Emotions:
        """How a voice sounds, and with `timeline` how that changes along the recording."""
        return await self._answer(calls.emotions(audio, timeline=timeline))

    async def detect(self, audio: Audio, *, operating_point: str | None = None) -> answers.Detections:
        """What is heard when; the operating points are those that the model has."""
        return await self._answer(calls.detect(audio, operating_point=operating_point))

    async def embed(self, audio: Audio) -> answers.Embedding:
        """The vector of a recording."""
        return await self._answer(calls.embed(audio))

    async def verify(
        self,
        audio: Audio,
        reference: Audio | None = None,
        *,
        speaker: str | None = None,
        operating_point: str | None = None,
    ) -> answers.Verification:
        """Whether a recording is of the same speaker as `reference`, or as an enrolled one: the id `speaker`."""
        return await self._answer(calls.verify(audio, reference, speaker=speaker, operating_point=operating_point))

    async def extract(
        self, audio: Audio, references: Sequence[Audio] = (), *, speaker: str | None = None, form: Form = "wav"
    ) -> answers.Sound:
        """The voice that the references, or the enrolled `speaker`, have, as it is in the recording."""
        return await self._answer(calls.extract(audio, references, speaker=speaker, form=form))

    async def enhance(
        self, audio: Audio, *, dry: float = 0.0, store: bool = False, form: Form = "wav"
    ) -> answers.Sound:
        """The recording without its noise; the share `dry` of it stays. With `store`, the server keeps the answer for a
        time: `result` and `forget` take its id."""
        return await self._answer(calls.enhance(audio, dry=dry, store=store, form=form))

    async def result(self, kept: str) -> answers.Sound:
        """An answer that the server keeps."""
        return await self._answer(calls.result(kept))

    async def forget(self, kept: str) -> None:
        """Ends an answer that the server keeps."""
        await self._answer(calls.forget(kept))

    async def transcribe(
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
        return await self._answer(
            calls.transcribe(audio, language=language, prompt=prompt, words=words, enhance=enhance, model=model)
        )

    async def subtitles(self, audio: Audio, form: Subtitles = "srt", *, language: str | None = None) -> str:
        """What is said in a recording, as subtitles or plain text."""
        return await self._answer(calls.subtitles(audio, form, language=language))

    async def enrol(
        self, recordings: Sequence[Audio], *, name: str = "", ttl_s: float | None = None
    ) -> answers.Speaker:
        """Keeps the voice of a speaker (not the recordings) for a time; `name` is for people."""
        return await self._answer(calls.enrol(recordings, name=name, ttl_s=ttl_s))

    async def speakers(self) -> AsyncIterator[answers.Speaker]:
        """Everybody who is enrolled, asked for as it is read."""
        after: str | None = ""
        while after is not None:
            some = await self._answer(calls.speakers(after))
            for speaker in some.speakers:
                yield speaker
            after = some.next

    async def speaker(self, speaker_id: str) -> answers.Speaker:
        """An enrolled speaker."""
        return await self._answer(calls.speaker(speaker_id))

    async def delete_speaker(self, speaker_id: str) -> None:
        """Ends an enrolment."""
        await self._answer(calls.delete_speaker(speaker_id))

    async def models(self) -> list[answers.Model]:
        """All that is served, once for each application."""
        return await self._answer(calls.models())

    async def rollouts(self) -> list[answers.Rollout]:
        """Candidates on trial, and how they compare with what answers."""
        return await self._answer(calls.rollouts())

    def stream(
        self, route: str, sound: AsyncIterable[Heard] | Iterable[Heard], **wanted: Unpack[Wanted]
    ) -> AsyncStream:
        """A live session of /v1/audio/<route>, or of the path `route`: sound goes in as `sound` gives it, answers come
        out of the iterator that this is. See `sonant.client.stream`."""
        from sonant.client.stream import AsyncStream, session

        return AsyncStream(session(self.url, route, self._key, **wanted), sound)

    async def _answer(self, call: Call[Answer]) -> Answer:
        body = await asyncio.to_thread(call.body)
        reply = await self._ask(call, body)
        wait_s = retry_after_s(reply)
        if wait_s is not None and wait_s <= self._patience_s:
            await self._pause(wait_s)
            reply = await self._ask(call, body)
        return call.answer(self.url, reply)

    async def _ask(self, call: Call[Answer], body: tuple[str, bytes] | None) -> Reply:
        headers = {"Accept": call.accept, **({} if body is None else {"Content-Type": body[0]})}
        try:
            reply = await self._http.request(
                call.method, self.url + call.path, headers=headers, content=body and body[1]
            )
        except _httpx().HTTPError as error:
            raise unreachable(self.url, error) from error
        return Reply(reply.status_code, {name.lower(): value for name, value in reply.headers.items()}, reply.content)


def _httpx() -> Any:
    try:
        return importlib.import_module("httpx")
    except ImportError:
        hint = "pip install 'sonant[client]', or use Client"
        raise EnvError("env.missing_extra", "httpx is not installed", hint=hint) from None
