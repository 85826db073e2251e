"""Stages in several processes: what crosses between them is exact, shared, and told apart again. Without Ray."""

from __future__ import annotations

import asyncio
import pickle  # noqa: TID251 - what Ray does with arguments
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from serve_apps import classify
from serve_apps.split import RemoteModel, RemotePostprocess, each, pack, unpack
from serve_apps.stages import Extractor, Pipeline
from sonant.audio.samples import to_float
from sonant.audio.wav import encode_wav
from sonant.config.serve import ClassifyApp
from sonant.errors import RequestError, SonantError

Floats = NDArray[np.float32]


class Handle:
    """A deployment handle: arguments and results are pickled, as they are on their way to another process."""

    def __init__(self, stage: Any) -> None:
        self._stage = stage
        self.calls: list[int] = []
        """Bytes of each."""

    def remote(self, *args: Any) -> Any:
        data = pickle.dumps(args)
        self.calls.append(len(data))

        async def answer() -> Any:
            await asyncio.sleep(0)
            return pickle.loads(pickle.dumps(await self._stage(*pickle.loads(data))))

        return answer()


@pytest.fixture(autouse=True)
def no_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its exceptions are all that the handles' side imports of it."""
    names = {"ray.exceptions": {"RayActorError": OSError}, "ray.serve.exceptions": {"RayServeException": OSError}}
    for name, members in names.items():
        if name not in sys.modules:  # another test may have had the real ones
            module: Any = type("Module", (), members)
            monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("bits", ["16", "float", "full", "empty"])
def test_packed_rows_are_the_same_bit_by_bit(bits: str) -> None:
    rng = np.random.default_rng(0)
    rows: dict[str, Floats] = {
        "16": to_float(rng.integers(-32768, 32768, (3, 500)).astype(np.int16)),
        "float": rng.standard_normal((3, 500)).astype(np.float32),
        "full": np.array([[1.0, -1.0, 0.5]], np.float32),
        "empty": np.zeros((0, 500), np.float32),
    }
    packed = pack(rows[bits])
    assert packed.dtype == (np.int16 if bits in ("16", "empty") else np.float32)
    np.testing.assert_array_equal(unpack(packed), rows[bits])
    assert unpack(packed).dtype == np.float32


def test_odd_numbers_travel_as_they_are() -> None:
    rows = np.array([[np.nan, np.inf, -np.inf, 1e30, -0.0]], np.float32)
    assert pack(rows) is rows


def test_requests_that_wait_together_cross_in_one_call() -> None:
    async def stage(rows: NDArray[Any]) -> Floats:
        return unpack(rows).sum(axis=1, keepdims=True)

    handle = Handle(stage)

    async def run() -> list[Floats]:
        model = RemoteModel(handle, 16)  # pyright: ignore[reportArgumentType]
        return await asyncio.gather(*(model(np.full((1 + n % 3, 10), n / 64, np.float32)) for n in range(9)))

    for number, logits_WK in enumerate(asyncio.run(run())):
        np.testing.assert_array_equal(logits_WK, np.full((1 + number % 3, 1), 10 * number / 64, np.float32))
    assert len(handle.calls) <= 2


def test_a_long_recording_crosses_in_slices() -> None:
    sizes: list[int] = []

    async def stage(rows: NDArray[Any]) -> Floats:
        sizes.append(len(rows))
        return unpack(rows)[:, :2]

    rows = np.random.default_rng(1).standard_normal((40, 5)).astype(np.float32)
    model = RemoteModel(Handle(stage), 16)  # pyright: ignore[reportArgumentType]
    np.testing.assert_array_equal(asyncio.run(_await(model(rows))), rows[:, :2])
    assert max(sizes) <= 16


async def _await(one: Any) -> Any:
    return await one


def test_what_one_request_did_wrong_is_told_to_that_one_alone() -> None:
    async def postprocess(logits_WK: Floats, duration_s: float, option: Any = None) -> Any:
        if option == "bad":
            raise RequestError("request.invalid", "there is no such point")
        return {"sum": float(logits_WK.sum()), "s": duration_s, "option": option}

    async def stage(logits_WK: Floats, counts: Sequence[int], rest: Sequence[tuple[float, Any]]) -> Any:
        return await each(postprocess, logits_WK, counts, rest)

    async def run() -> list[Any]:
        remote = RemotePostprocess(Handle(stage), 16)  # pyright: ignore[reportArgumentType]
        asked = [(np.full((rows, 2), rows, np.float32), float(rows), option) for rows, option in ASKED]
        return await asyncio.gather(*(remote(*one) for one in asked), return_exceptions=True)

    first, second, third = asyncio.run(run())
    assert first == {"sum": 2.0, "s": 1.0, "option": None}
    assert isinstance(second, SonantError)
    assert second.code == "request.invalid"
    assert third == {"sum": 18.0, "s": 3.0, "option": True}


ASKED = ((1, None), (2, "bad"), (3, True))


def test_split_gives_the_answers_of_fused(tone_bundle: Path, clip: Any) -> None:
    app = ClassifyApp(bundle=str(tone_bundle), providers=("CPUExecutionProvider",))
    engine, metrics = classify.load(app)
    fused = classify.fused(app, engine, metrics)
    model_stage = classify.ModelStage(app.model_dump(mode="json"), "ClassifyApp")
    post_stage = classify.PostprocessStage(app.model_dump(mode="json"), "ClassifyApp")
    handle = Handle(model_stage)
    split = Pipeline(
        Extractor(engine.info, app.limits, engine if engine.splits else None),
        RemoteModel(handle, 16),  # pyright: ignore[reportArgumentType]
        RemotePostprocess(Handle(post_stage), 16),  # pyright: ignore[reportArgumentType]
    )
    recordings = [encode_wav(clip("rise", length_s=1.0 + n / 2, seed=n), 16_000) for n in range(4)]

    async def run(pipeline: Pipeline) -> list[Any]:
        return await asyncio.gather(*(pipeline(data, 2) for data in recordings))

    for one, other in zip(asyncio.run(run(fused)), asyncio.run(run(split)), strict=True):
        assert one["duration_s"] == other["duration_s"]
        assert [score["label"] for score in one["scores"]] == [score["label"] for score in other["scores"]]
        assert [score["score"] for score in one["scores"]] == pytest.approx(
            [score["score"] for score in other["scores"]], abs=1e-6
        )
