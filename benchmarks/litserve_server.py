"""The same decoder and graph as plain_server.py behind LitServe: `python litserve_server.py PORT BATCH`.

LitServe has one process for HTTP and one that decodes, runs the graph and answers: with BATCH above 1 it takes up to so
many requests that wait already, and never waits for more, which is its faster setting on a CPU.
"""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import litserve
import numpy as np
from fastapi import Body

from sonant.audio.decode import decode
from sonant.runtime.answer import classification, windows
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine


class Clip(NamedTuple):
    wav_WN: np.ndarray
    duration_s: float


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.engine = Engine(open_bundle(os.environ["SONANT_BUNDLE"]), providers=("CPUExecutionProvider",))

    # What is annotated so is taken as it is, and not as JSON; LitServe reads it as no string (no future annotations).
    def decode_request(self, request: Annotated[bytes, Body()]) -> Clip:
        info = self.engine.info
        wav_N = decode(request, rate_hz=info.sample_rate_hz, max_s=600)
        return Clip(windows(info, wav_N), len(wav_N) / info.sample_rate_hz)

    def batch(self, inputs: Sequence[Clip]) -> list[Clip]:
        return list(inputs)

    def predict(self, x: Clip | list[Clip]) -> Any:
        clips = [x] if isinstance(x, Clip) else x
        logits_WK = self.engine.logits(np.concatenate([clip.wav_WN for clip in clips]))
        parts = np.split(logits_WK, np.cumsum([len(clip.wav_WN) for clip in clips])[:-1])
        answers = [
            classification(self.engine.info, part, clip.duration_s) for part, clip in zip(parts, clips, strict=True)
        ]
        return answers[0] if isinstance(x, Clip) else answers

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return output

    def encode_response(self, output: dict[str, Any]) -> dict[str, Any]:
        return output


if __name__ == "__main__":
    port, batch = int(sys.argv[1]), int(sys.argv[2])
    api = Api(max_batch_size=batch, batch_timeout=0.0, api_path="/classify")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(port=port, host="127.0.0.1", num_api_servers=1, log_level="warning", generate_client_file=False)
