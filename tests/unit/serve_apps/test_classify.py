"""Recordings in, answers out: formats, bad input, batches and the three stages, without Ray."""

from __future__ import annotations

import asyncio
import io
import json
import struct
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import soundfile as sf
from numpy.typing import NDArray

from serve_apps import classify
from serve_apps.answers import Answer, EmotionAnswer
from serve_apps.stages import Extractor, Model, Pipeline, Postprocess
from sonant import cli
from sonant.audio.wav import encode_wav
from sonant.config.serve import ClassifyApp
from sonant.edge import face
from sonant.edge.metrics import Metrics
from sonant.errors import ERRORS
from sonant.runtime.engine import Engine

Floats = NDArray[np.float32]
Clip = Callable[..., Floats]

PREFIX = "/v1/audio/classifications"


@pytest.fixture(scope="module")
def app(tone_bundle: Path) -> ClassifyApp:
    limits: Any = {"max_body_mib": 2.0, "max_audio_s": 20.0, "max_sessions": 2}
    return ClassifyApp(bundle=str(tone_bundle), providers=("CPUExecutionProvider",), limits=limits)


@pytest.fixture(scope="module")
def loaded(app: ClassifyApp) -> tuple[Engine, Metrics]:
    return classify.load(app)


@pytest.fixture(scope="module")
def url(app: ClassifyApp, loaded: tuple[Engine, Metrics], run_app: Callable[..., Any]) -> Generator[str]:
    engine, metrics = loaded
    made = classify.create_face(app, engine, classify.fused(app, engine, metrics), metrics)
    with run_app(made.app, PREFIX) as base:
        yield base


def post(url: str, data: bytes, kind: str = "audio/wav") -> httpx.Response:
    return httpx.post(url, content=data, headers={"content-type": kind}, timeout=30)


def encoded(wav_N: Floats, container: str, codec: str, rate_hz: int) -> bytes:
    """A recording as a browser or phone would send it."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate_hz, layout="mono")
        frame = av.AudioFrame.from_ndarray(wav_N[None], format="fltp", layout="mono")
        frame.sample_rate = rate_hz
        resampler = av.AudioResampler(stream.format, "mono", rate_hz, frame_size=stream.codec_context.frame_size)
        for part in [*resampler.resample(frame), *resampler.resample(None), None]:
            file.mux(stream.encode(part))
    return buffer.getvalue()


def soundfile(wav_N: Floats, container: str, subtype: str, rate_hz: int) -> bytes:
    buffer = io.BytesIO()
    sf.write(buffer, wav_N, rate_hz, format=container, subtype=subtype)
    return buffer.getvalue()


FORMATS: dict[str, Callable[[Floats, int], bytes]] = {
    "wav": lambda wav, rate: soundfile(wav, "WAV", "PCM_16", rate),
    "wav24": lambda wav, rate: soundfile(wav, "WAV", "PCM_24", rate),
    "wav_float": lambda wav, rate: soundfile(wav, "WAV", "FLOAT", rate),
    "flac": lambda wav, rate: soundfile(wav, "FLAC", "PCM_16", rate),
    "mp3": lambda wav, rate: soundfile(wav, "MP3", "MPEG_LAYER_III", rate),
    "ogg": lambda wav, rate: soundfile(wav, "OGG", "VORBIS", rate),
    "opus": lambda wav, rate: encoded(wav, "ogg", "libopus", rate),
    "webm": lambda wav, rate: encoded(wav, "webm", "libopus", rate),
    "m4a": lambda wav, rate: encoded(wav, "mp4", "aac", rate),
}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("word", ["rise", "fall"])
def test_every_format_is_heard(url: str, clip: Clip, form: str, word: str) -> None:
    answer = post(url, FORMATS[form](clip(word, rate_hz=48_000, seed=4), 48_000))
    assert answer.status_code == 200, answer.text
    found = Answer.model_validate(answer.json())
    assert (found.label, found.score > 0.8) == (word, True)
    assert found.duration_s == pytest.approx(1.0, abs=0.1)
    assert sum(one.score for one in found.scores) == pytest.approx(1.0)
    assert [one.score for one in found.scores] == sorted((one.score for one in found.scores), reverse=True)


def test_a_form_and_a_raw_body_give_the_same(url: str, clip: Clip) -> None:
    data = encode_wav(clip("rise"), 16_000)
    form = httpx.post(url, files={"file": ("a.txt", data, "text/plain")})
    assert form.json() == post(url, data, "application/octet-stream").json()


def test_top_k_cuts_the_list(url: str, clip: Clip) -> None:
    data = encode_wav(clip("rise"), 16_000)
    answer = httpx.post(f"{url}?top_k=1", content=data, headers={"content-type": "audio/wav"})
    assert [one["label"] for one in answer.json()["scores"]] == ["rise"]


def wav_header(**forged: int) -> bytes:
    """A wav file of 1000 samples whose header says something else."""
    field = {"riff": 2036, "channels": 1, "rate": 16_000, "bits": 16, "data": 2000, "format": 1} | forged
    block = field["channels"] * field["bits"] // 8
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", field["riff"] & 0xFFFFFFFF, b"WAVE", b"fmt ", 16, field["format"],
                       field["channels"], field["rate"], field["rate"] * block & 0xFFFFFFFF, block & 0xFFFF,
                       field["bits"], b"data", field["data"] & 0xFFFFFFFF)  # fmt: skip
    return head + bytes(2000)


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "audio.empty"),
    "text": (b"hello, this is no audio", "audio.unsupported"),
    "html": (b"<!doctype html><p>hello", "audio.unsupported"),
    "riff without wave": (b"RIFF\x24\0\0\0AVI LIST" + bytes(50), "audio.unsupported"),
    "header only": (wav_header()[:44], "audio.empty"),
    "half a header": (wav_header()[:20], "audio.undecodable"),
    "not a number": (soundfile(np.full(16_000, np.nan, np.float32), "WAV", "FLOAT", 16_000), "audio.not_finite"),
    "infinite": (soundfile(np.full(16_000, np.inf, np.float32), "WAV", "FLOAT", 16_000), "audio.not_finite"),
    "too long": (soundfile(np.zeros(21 * 8000, np.float32), "FLAC", "PCM_16", 8000), "audio.too_long"),
    "too big": (bytes(2 * 2**20 + 1), "audio.too_big"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_told_why(url: str, case: str) -> None:
    data, code = BAD[case]
    answer = post(url, data)
    error = answer.json()["error"]
    assert (error["code"], answer.status_code) == (code, ERRORS[code].http)
    assert error["hint"]
    assert error["request_id"] == answer.headers["x-request-id"]


FORGED: dict[str, bytes] = {
    "huge data": wav_header(data=0xFFFFFFFF),
    "negative data": wav_header(data=-1),
    "no data": wav_header(data=0),
    "huge riff": wav_header(riff=-1),
    "rate 655350": wav_header(rate=655_350, channels=8),
    "rate 0": wav_header(rate=0),
    "rate 2^32-1": wav_header(rate=-1 & 0xFFFFFFFF),
    "no channels": wav_header(channels=0),
    "65535 channels": wav_header(channels=65_535),
    "no bits": wav_header(bits=0),
    "3 bits": wav_header(bits=3),
    "format 0": wav_header(format=0),
    "format 65535": wav_header(format=65_535),
    "truncated flac": soundfile(np.zeros(16_000, np.float32), "FLAC", "PCM_16", 16_000)[:60],
    "truncated mp3": soundfile(np.zeros(16_000, np.float32), "MP3", "MPEG_LAYER_III", 16_000)[:100],
    "truncated ogg": soundfile(np.zeros(16_000, np.float32), "OGG", "VORBIS", 16_000)[:200],
}


@pytest.mark.parametrize("case", FORGED)
def test_forged_and_damaged_files_are_never_our_fault(url: str, case: str) -> None:
    answer = post(url, FORGED[case])
    assert answer.status_code in (200, 413, 415, 422), answer.text
    assert answer.status_code == 200 or set(answer.json()["error"]) == {"code", "message", "hint", "request_id"}


@pytest.mark.parametrize("wav", [np.zeros(16_000), np.zeros(1), np.ones(16_000), np.full(300, -1.0)])
def test_odd_sounds_are_sounds(url: str, wav: Floats) -> None:
    answer = post(url, encode_wav(wav.astype(np.float32), 16_000))
    assert answer.status_code == 200, answer.text
    assert all(np.isfinite(one["score"]) for one in answer.json()["scores"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "", 405, "request.method"),
        ("DELETE", "/info", 405, "request.method"),
        ("GET", "/other", 404, "request.not_found"),
        ("POST", "?top_k=0", 422, "request.invalid"),
        ("POST", "?top_k=many", 422, "request.invalid"),
        ("GET", "/stream", 426, "request.upgrade"),
    ],
)
def test_wrong_ways_in_are_told(url: str, method: str, path: str, status: int, code: str) -> None:
    answer = httpx.request(method, url + path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_a_long_recording_is_heard_in_windows(app: ClassifyApp, loaded: tuple[Engine, Metrics], clip: Clip) -> None:
    engine, metrics = loaded
    wav = np.concatenate([clip("rise", seed=seed) for seed in range(19)])
    extracted = Extractor(engine.info, app.limits).extract(encode_wav(wav, 16_000))
    assert extracted.rows.shape == (37, 16_000)
    logits_WK = asyncio.run(Model(engine, app, metrics)(extracted.rows))
    assert np.abs(logits_WK - engine.logits(extracted.rows)).max() < 1e-4
    assert extracted.duration_s == pytest.approx(19)


def test_long_recordings_take_turns(app: ClassifyApp, loaded: tuple[Engine, Metrics], clip: Clip) -> None:
    """However many come, only a few are unfolded at a time, and short ones pass them by."""
    engine, metrics = loaded
    unfolded = 0
    most = 0
    model = Model(engine, app, metrics)

    async def counted(rows: Floats) -> Floats:
        nonlocal unfolded, most
        unfolded += len(rows) > 1
        most = max(most, unfolded)
        logits_WK = await model(rows)
        unfolded -= len(rows) > 1
        return logits_WK

    extract = Extractor(engine.info, app.limits)
    pipeline = Pipeline(extract, counted, Postprocess(engine.info))
    short = encode_wav(clip("rise"), 16_000)
    long = FORMATS["flac"](np.tile(clip("fall"), 19), 16_000)

    async def all_at_once() -> list[Any]:
        await pipeline(short, None)
        return await asyncio.gather(*(pipeline(data, None) for data in [long] * 12 + [short]))

    answers = asyncio.run(all_at_once())
    assert [answer["label"] for answer in answers] == ["fall"] * 12 + ["rise"]
    assert 0 < most <= 4
    assert extract.is_short(short)


def test_batch_mates_do_not_change_answers(app: ClassifyApp, loaded: tuple[Engine, Metrics], clip: Clip) -> None:
    engine, metrics = loaded
    pipeline = classify.fused(app, engine, metrics)
    files = [encode_wav(clip(word, seed=seed), 16_000) for seed, word in enumerate(["rise", "fall", "_silence_"] * 5)]

    async def together() -> list[Any]:
        return await asyncio.gather(*(pipeline(data, None) for data in files))

    for data, answer in zip(files, asyncio.run(together()), strict=True):
        alone = asyncio.run(pipeline(data, None))
        assert answer["label"] == alone["label"]
        assert answer["score"] == pytest.approx(alone["score"], abs=1e-5)


def test_split_features_give_the_same_answers(app: ClassifyApp, loaded: tuple[Engine, Metrics], clip: Clip) -> None:
    engine, metrics = loaded
    whole = classify.fused(app, engine, metrics)
    parts = Pipeline(
        Extractor(engine.info, app.limits, engine), Model(engine, app, metrics, body=True), Postprocess(engine.info)
    )
    for word in ("rise", "fall", "_silence_"):
        data = encode_wav(clip(word, length_s=2.3, seed=9), 16_000)
        one, other = asyncio.run(whole(data, None)), asyncio.run(parts(data, None))
        assert one["label"] == other["label"]
        assert one["score"] == pytest.approx(other["score"], abs=1e-5)


def test_what_is_served_is_described(url: str) -> None:
    info = httpx.get(f"{url}/info").json()
    assert info["labels"] == ["_silence_", "fall", "rise"]
    assert info["live"] is True
    assert info["hop_ms"] == 80.0
    assert info["provider"] == "CPUExecutionProvider"
    assert info["max_body_mib"] == 2.0


def test_requests_are_counted_by_outcome(app: ClassifyApp, run_app: Callable[..., Any], clip: Clip) -> None:
    engine, metrics = classify.load(app)
    made = classify.create_face(app, engine, classify.fused(app, engine, metrics), metrics)
    with run_app(made.app, PREFIX) as base:
        post(base, encode_wav(clip("rise"), 16_000))
        post(base, b"nonsense")
    counts = {
        labels.get("outcome", ""): value
        for name, _, _, samples in metrics.snapshot()
        if name == "sonant_requests"
        for _, labels, value in samples
    }
    assert counts == {"ok": 1, "audio.unsupported": 1}


def test_the_documentation_is_complete(app: ClassifyApp, loaded: tuple[Engine, Metrics]) -> None:
    engine, metrics = loaded
    document = face.openapi(classify.create_face(app, engine, classify.fused(app, engine, metrics), metrics).api)
    operation = document["paths"][""]["post"]
    assert set(operation["requestBody"]["content"]) == {"multipart/form-data", "audio/*"}
    assert {"200", "413", "415", "422", "500"} <= set(operation["responses"])
    examples = operation["responses"]["422"]["content"]["application/json"]["examples"]
    assert {"audio.empty", "audio.undecodable", "audio.not_finite", "request.invalid"} <= set(examples)
    Answer.model_validate(document["components"]["schemas"]["Answer"]["example"])
    assert [one["name"] for one in operation["parameters"]] == ["top_k"]


@pytest.fixture(scope="module")
def emotions(app: ClassifyApp, run_app: Callable[..., Any]) -> Generator[str]:
    feeling = app.model_copy(update={"answer": "emotion"})
    engine, metrics = classify.load(feeling)
    made = classify.create_face(feeling, engine, classify.fused(feeling, engine, metrics), metrics)
    with run_app(made.app, "/v1/audio/emotions") as base:
        yield base


def test_an_emotion_is_one_word_and_all_probabilities(emotions: str, url: str, clip: Clip) -> None:
    data = encode_wav(clip("rise"), 16_000)
    answer = httpx.post(emotions, files={"file": ("a.wav", data)})
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert set(found) == {"emotion", "probabilities"}
    labels = post(url, data).json()
    assert found["emotion"] == labels["label"]
    assert found["probabilities"] == pytest.approx({one["label"]: one["score"] for one in labels["scores"]}, abs=1e-5)


def test_a_timeline_follows_a_long_recording(emotions: str, clip: Clip) -> None:
    wav = np.concatenate([clip("rise", at_s=0.25, seed=1)] * 3 + [clip("fall", at_s=0.25, seed=2)] * 3)
    answer = httpx.post(f"{emotions}?timeline=true", files={"file": ("a.wav", encode_wav(wav, 16_000))}, timeout=30)
    found = EmotionAnswer.model_validate(answer.json())
    assert found.timeline is not None
    assert (found.timeline[0].t_start, found.timeline[-1].t_end) == (0.0, 6.0)
    heard = [segment.emotion for segment in found.timeline if segment.emotion != "_silence_"]
    assert heard[0] == "rise"
    assert heard[-1] == "fall"
    assert "timeline" not in httpx.post(f"{emotions}?timeline=false", content=encode_wav(wav, 16_000),
                                        headers={"content-type": "audio/wav"}).json()  # fmt: skip


def test_the_command_asks_both_routes(
    emotions: str, url: str, clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a \u00fc.wav"
    file.write_bytes(encode_wav(clip("rise", length_s=1.7), 16_000))

    def told(what: str, base: str, *words: str) -> Any:
        assert cli.main(["ask", what, str(file), "--url", base.removesuffix(f"/v1/audio/{what}"), *words]) == 0
        return json.loads(capsys.readouterr().out)

    assert told("emotions", emotions).keys() == {"emotion", "probabilities"}
    assert told("emotions", emotions, "--timeline")["timeline"][-1]["t_end"] == pytest.approx(1.7)
    assert len(told("classifications", url, "--top-k", "1")["scores"]) == 1
    file.write_bytes(b"")
    assert cli.main(["ask", "emotions", str(file), "--url", emotions.removesuffix("/v1/audio/emotions")]) == 2
    assert "error[audio.empty]" in capsys.readouterr().err


@pytest.mark.parametrize("case", ["empty", "text", "too long"])
def test_bad_input_is_told_there_too(emotions: str, case: str) -> None:
    data, code = BAD[case]
    answer = post(emotions, data)
    assert (answer.json()["error"]["code"], answer.status_code) == (code, ERRORS[code].http)
    assert post(f"{emotions}?timeline=perhaps", data).json()["error"]["code"] == "request.invalid"


def test_emotions_are_documented_and_counted(app: ClassifyApp, loaded: tuple[Engine, Metrics], clip: Clip) -> None:
    engine, _ = loaded
    metrics = Metrics("classify", "tones", "1")
    feeling = app.model_copy(update={"answer": "emotion"})
    pipeline = classify.fused(feeling, engine, metrics)
    document = face.openapi(classify.create_face(feeling, engine, pipeline, metrics).api)
    operation = document["paths"][""]["post"]
    assert [one["name"] for one in operation["parameters"]] == ["timeline"]
    EmotionAnswer.model_validate(document["components"]["schemas"]["EmotionAnswer"]["example"])
    assert classify.describe(feeling, engine).answer == "emotion"
    asyncio.run(pipeline(encode_wav(clip("rise", length_s=2.5), 16_000), True))
    (seconds,) = (
        value
        for _, _, _, samples in metrics.snapshot()
        for name, _, value in samples
        if name == "sonant_audio_seconds_total"
    )
    assert seconds == pytest.approx(2.5)
