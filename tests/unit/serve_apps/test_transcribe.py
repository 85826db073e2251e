"""Transcripts over HTTP, asked for as users do: with OpenAI's own client. A real engine, a real server, no Ray."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import openai
import pytest
from numpy.typing import NDArray

from serve_apps import home, transcribe
from sonant.audio.wav import encode_wav
from sonant.config.load import check
from sonant.config.serve import HomeApp, TranscribeApp
from sonant.edge import face
from sonant.edge.metrics import Metrics
from sonant.errors import RequestError
from sonant.runtime.transcribe.heard import Ask
from sonant.runtime.transcribe.transcriber import Transcriber, open_transcriber

Floats = NDArray[np.float32]
PREFIX = "/v1/audio/transcriptions"


def sound(*spans: tuple[float, float], length_s: float = 6.0) -> bytes:
    """A recording with something like speech in these stretches."""
    rng = np.random.default_rng(0)
    wav_N = 1e-3 * rng.standard_normal(round(length_s * 16_000))
    for start_s, end_s in spans:
        part = slice(round(start_s * 16_000), round(end_s * 16_000))
        time_s = np.arange(len(wav_N[part])) / 16_000
        wav_N[part] += 0.2 * (0.2 + np.abs(np.sin(12 * time_s))) * rng.standard_normal(len(time_s))
    return encode_wav(wav_N.astype(np.float32), 16_000)


TALK = sound((0.5, 2.0), (3.5, 5.0))


@pytest.fixture(scope="module")
def app(whisper_folder: Path) -> TranscribeApp:
    engine = {"kind": "faster_whisper", "model": str(whisper_folder), "device": "cpu", "beam_size": 1}
    limits = {"max_body_mib": 2, "max_audio_s": 30}
    return check(TranscribeApp, {"engine": engine, "limits": limits, "max_waiting": 2})


@pytest.fixture(scope="module")
def transcriber(app: TranscribeApp) -> Transcriber:
    return open_transcriber(app)


@pytest.fixture(scope="module")
def url(app: TranscribeApp, transcriber: Transcriber, run_app: Callable[..., Any]) -> Generator[str]:
    metrics = Metrics("transcribe", "faster-whisper", "tiny")
    api = transcribe.create_api(app, transcriber, metrics)

    class Neighbour:
        async def describe(self, name: str) -> dict[str, Any]:
            model = transcribe.describe(app, transcriber).model_dump(mode="json")
            return {"model": model, "openapi": face.openapi(api), "deployments": ["Ingress"]}

        async def snapshots(self, name: str, deployments: list[str]) -> dict[str, Any]:
            return {"r1": metrics.snapshot()}

    front = home.create_api(HomeApp(applications={"transcribe": PREFIX}), Neighbour())

    async def both(scope: Any, receive: Any, send: Any) -> None:
        """As Serve deals them out: by the longest prefix."""
        if scope["path"].startswith(PREFIX):
            await api({**scope, "root_path": PREFIX}, receive, send)
        else:
            await front(scope, receive, send)

    with run_app(both) as base:
        yield base


@pytest.fixture(scope="module")
def client(url: str) -> Generator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0) as client:
        yield client


# ---- OpenAI's client ------------------------------------------------------------------------------------------------


def test_json_is_the_default(client: openai.OpenAI) -> None:
    answer = client.audio.transcriptions.create(model="whisper-1", file=("a.wav", TALK))
    assert answer.text.split()
    assert answer.usage is not None
    assert (answer.usage.type, answer.usage.seconds) == ("duration", 6)


def test_every_form_tells_the_same_words(client: openai.OpenAI) -> None:
    def ask(form: Any) -> Any:
        return client.audio.transcriptions.create(model="whisper-1", file=("a.wav", TALK), response_format=form)

    text = ask("json").text
    assert ask("text") == text + "\n"
    assert ask("verbose_json").text == text
    srt, vtt = ask("srt"), ask("vtt")
    assert srt.startswith("1\n00:00:00,")
    assert vtt.startswith("WEBVTT\n\n00:00:00.")
    assert " ".join(line for line in srt.splitlines() if line.startswith("w")) == text


def test_verbose_json_has_global_times(client: openai.OpenAI) -> None:
    answer = client.audio.transcriptions.create(
        model="whisper-1",
        file=("a.wav", TALK),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        prompt="w1",
        temperature=0.2,
    )
    assert (answer.language, answer.duration) == ("en", pytest.approx(6.0))
    assert answer.segments
    assert answer.words
    starts = [one.start for one in answer.segments]
    assert starts == sorted(starts)
    assert starts[0] < 2.5
    assert starts[-1] > 3.0, "the second stretch is in times of the recording"
    assert all(0 <= one.start <= one.end <= 6.0 for one in answer.segments)


def test_a_stream_ends_with_the_whole_text(client: openai.OpenAI) -> None:
    whole = client.audio.transcriptions.create(model="whisper-1", file=("a.wav", TALK)).text
    events = list(client.audio.transcriptions.create(model="whisper-1", file=("a.wav", TALK), stream=True))
    assert [event.type for event in events] == ["transcript.text.delta"] * 2 + ["transcript.text.done"]
    assert "".join(event.delta for event in events[:-1]) == events[-1].text == whole


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    [model] = client.models.list().data
    assert (model.id, model.object, model.owned_by) == ("faster-whisper/tiny", "model", "sonant")
    assert model.created > 1_700_000_000
    assert client.models.retrieve("faster-whisper/tiny").id == model.id
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("gpt-2")
    assert caught.value.code == "model.unknown"
    assert client.audio.transcriptions.create(model=model.id, file=("a.wav", TALK)).text


WRONG: dict[str, tuple[dict[str, Any], type[openai.APIStatusError], str, str]] = {
    "model": ({"model": "whisper-9"}, openai.NotFoundError, "model.unknown", "whisper-9"),
    "form": ({"response_format": "pdf"}, openai.UnprocessableEntityError, "request.invalid", "response_format"),
    "language": ({"language": "de"}, openai.UnprocessableEntityError, "request.invalid", "'de'"),
    "not a language": ({"language": "English"}, openai.UnprocessableEntityError, "request.invalid", "language"),
    "temperature": ({"temperature": 7}, openai.UnprocessableEntityError, "request.invalid", "temperature"),
    "words of text": (
        {"timestamp_granularities": ["word"]},
        openai.UnprocessableEntityError,
        "request.invalid",
        "verbose_json",
    ),
    "granularity": (
        {"timestamp_granularities": ["letter"], "response_format": "verbose_json"},
        openai.UnprocessableEntityError,
        "request.invalid",
        "timestamp_granularities",
    ),
    "subtitles as a stream": (
        {"stream": True, "response_format": "srt"},
        openai.UnprocessableEntityError,
        "request.invalid",
        "stream",
    ),
    "no enhancer": ({"extra_body": {"enhance": "on"}}, openai.NotFoundError, "model.unknown", "enhancer"),
    "no audio": ({"file": ("a.wav", b"hello")}, openai.APIStatusError, "audio.unsupported", ""),
    "no audio, streamed": (
        {"file": ("a.wav", b"hello"), "stream": True},
        openai.APIStatusError,
        "audio.unsupported",
        "",
    ),
    "empty": ({"file": ("a.wav", b"")}, openai.UnprocessableEntityError, "audio.empty", ""),
    "too long": ({"file": ("a.wav", sound(length_s=31))}, openai.APIStatusError, "audio.too_long", "30 s"),
    "too big": ({"file": ("a.wav", bytes(3 << 20))}, openai.APIStatusError, "audio.too_big", ""),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_done_is_told(client: openai.OpenAI, case: str) -> None:
    changed, kind, code, part = WRONG[case]
    with pytest.raises(kind) as caught:
        client.audio.transcriptions.create(**{"model": "whisper-1", "file": ("a.wav", TALK), **changed})
    assert caught.value.code == code
    assert part in caught.value.message
    assert caught.value.body["request_id"]  # type: ignore[index]


# ---- the rest -------------------------------------------------------------------------------------------------------


def test_a_raw_body_has_its_options_in_the_query(url: str) -> None:
    answer = httpx.post(f"{url}{PREFIX}?response_format=vtt", content=TALK, headers={"content-type": "audio/wav"})
    assert answer.text.startswith("WEBVTT")
    assert answer.headers["content-type"] == "text/vtt; charset=utf-8"


def test_silence_is_no_text(url: str) -> None:
    answer = httpx.post(f"{url}{PREFIX}", files={"file": sound(length_s=3)})
    assert answer.json() == {"text": "", "usage": {"type": "duration", "seconds": 3}}
    streamed = httpx.post(f"{url}{PREFIX}", files={"file": sound(length_s=3)}, data={"stream": "true"})
    [done, end] = streamed.text.strip().split("\n\n")
    assert json.loads(done.removeprefix("data: "))["type"] == "transcript.text.done"
    assert end == "data: [DONE]"


def test_the_documentation_knows_the_form(url: str) -> None:
    document = httpx.get(f"{url}/openapi.json").json()
    route = document["paths"][PREFIX]["post"]
    fields = route["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert {"file", "model", "language", "prompt", "response_format", "temperature", "stream"} <= set(fields)
    assert "timestamp_granularities[]" in fields
    assert {"200", "404", "413", "415", "422", "503"} <= set(route["responses"])
    assert {"/v1/models", "/v1/models/{model}"} <= set(document["paths"])


def test_a_full_desk_refuses_and_recovers(app: TranscribeApp, transcriber: Transcriber) -> None:
    from serve_apps.transcribe_desk import Desk

    metrics = Metrics("transcribe", "x", "1")
    desk = Desk(app, transcriber, metrics)

    async def whole() -> str:
        with desk.job(TALK, Ask()) as job:
            while await job.next() is not None:
                pass
            return job.transcript().text

    async def crowd() -> tuple[list[Any], str]:
        found = await asyncio.gather(*(whole() for _ in range(4)), return_exceptions=True)
        return found, await whole()

    found, later = asyncio.run(crowd())
    refused = [one for one in found if isinstance(one, RequestError)]
    assert [one.code for one in refused] == ["server.full"] * 2
    assert {one for one in found if isinstance(one, str)} == {later}
    assert desk.waiting == 0
