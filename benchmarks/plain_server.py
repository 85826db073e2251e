"""What a good engineer writes without us: FastAPI, uvicorn and onnxruntime, with the same decoder and the same graph.

    SONANT_BUNDLE=... uvicorn plain_server:app --workers 2

`/pool` runs the work in a thread, as most do to keep the event loop free; `/loop` runs it on the loop, which is faster
for a graph as small as ours. There are no limits, error bodies, request ids, metrics, batches or live sessions here.
"""

from __future__ import annotations

import os

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from sonant.audio.decode import decode
from sonant.runtime.answer import Classification, classification, windows
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine

engine = Engine(open_bundle(os.environ["SONANT_BUNDLE"]), providers=("CPUExecutionProvider",))
app = FastAPI()


def answer(data: bytes) -> Classification:
    wav_N = decode(data, rate_hz=engine.info.sample_rate_hz, max_s=600)
    logits_WK = engine.logits(windows(engine.info, wav_N))
    return classification(engine.info, logits_WK, len(wav_N) / engine.info.sample_rate_hz)


@app.post("/pool")
async def pool(request: Request) -> JSONResponse:
    return JSONResponse(await run_in_threadpool(answer, await request.body()))


@app.post("/loop")
async def loop(request: Request) -> JSONResponse:
    return JSONResponse(answer(await request.body()))
