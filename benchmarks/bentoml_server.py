"""The same decoder and graph as plain_server.py behind BentoML.

`Plain` is one process, which runs a request in a thread; `Batched` decodes in one process and calls another for the
graph, which takes what waits in one call (BentoML's adaptive batching). Both are given the bytes as they came.
"""

from __future__ import annotations

import os
from typing import Any

import bentoml
import numpy as np

from sonant.audio.decode import decode
from sonant.runtime.answer import classification, windows
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine


def engine() -> Engine:
    return Engine(open_bundle(os.environ["SONANT_BUNDLE"]), providers=("CPUExecutionProvider",))


def clip(data: bytes, rate_hz: int) -> np.ndarray:
    return decode(data, rate_hz=rate_hz, max_s=600)


@bentoml.service(workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Plain:
    def __init__(self) -> None:
        self.engine = engine()

    @bentoml.api
    def classify(self, wav: bytes, /) -> dict[str, Any]:
        info = self.engine.info
        wav_N = clip(wav, info.sample_rate_hz)
        logits_WK = self.engine.logits(windows(info, wav_N))
        return dict(classification(info, logits_WK, len(wav_N) / info.sample_rate_hz))


@bentoml.service(workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Graph:
    def __init__(self) -> None:
        self.engine = engine()

    @bentoml.api(batchable=True, max_batch_size=16)
    def logits(self, wav_BN: np.ndarray) -> np.ndarray:
        return self.engine.logits(wav_BN)


@bentoml.service(workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Batched:
    graph = bentoml.depends(Graph)

    def __init__(self) -> None:
        self.info = open_bundle(os.environ["SONANT_BUNDLE"]).info

    @bentoml.api
    async def classify(self, wav: bytes, /) -> dict[str, Any]:
        wav_N = clip(wav, self.info.sample_rate_hz)
        logits_WK = await self.graph.to_async.logits(windows(self.info, wav_N))
        return dict(classification(self.info, logits_WK, len(wav_N) / self.info.sample_rate_hz))
