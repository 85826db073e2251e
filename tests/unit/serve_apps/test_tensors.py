"""Tensors over HTTP, asked for by the protocol's public client and by hand. Real bundles, a real server, no Ray."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from serve_apps.tensors import Models, create_api
from sonant.config.load import check
from sonant.config.serve import TensorsApp
from sonant.edge.metrics import Metrics
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine

WAV_BN = (0.1 * np.random.default_rng(0).standard_normal((2, 4000))).astype(np.float32)


@pytest.fixture(scope="module")
def app(tiny_bundle: Path) -> TensorsApp:
    models = {"words": str(tiny_bundle), "again": str(tiny_bundle)}
    return check(TensorsApp, {"models": models, "most_loaded": 1, "limits": {"max_body_mib": 1}})


@pytest.fixture(scope="module")
def url(app: TensorsApp, run_app: Callable[..., Any]) -> Generator[str]:
    with run_app(create_api(app, Models(app), Metrics("tensors", "tensors", "2")), "/v2") as url:
        yield url


@pytest.fixture(scope="module")
def logits_BK(tiny_bundle: Path) -> Any:
    return Engine(open_bundle(tiny_bundle)).logits(WAV_BN)


@pytest.mark.parametrize("binary", [True, False])
def test_the_public_client_gets_what_the_engine_gives(url: str, logits_BK: Any, binary: bool) -> None:
    client = triton.InferenceServerClient(url.removeprefix("http://").removesuffix("/v2"))
    try:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("words")
        about: Any = client.get_model_metadata("words")
        (wav,), (logits,) = about["inputs"], about["outputs"]
        assert (wav["datatype"], wav["shape"]) == ("FP32", [-1, -1])
        tensor = triton.InferInput(wav["name"], list(WAV_BN.shape), wav["datatype"])
        tensor.set_data_from_numpy(WAV_BN, binary_data=binary)
        wanted = triton.InferRequestedOutput(logits["name"], binary_data=binary)
        result = client.infer("words", [tensor], outputs=[wanted], request_id="seven")
        np.testing.assert_allclose(result.as_numpy(logits["name"]), logits_BK, rtol=1e-6)
        answer: Any = result.get_response()
        assert (answer["id"], answer["model_version"]) == ("seven", about["versions"][0])
        with pytest.raises(InferenceServerException, match="there is no model 'nobody'"):
            client.infer("nobody", [tensor])
    finally:
        client.close()


def test_a_stream_is_stepped_from_outside(url: str, tiny_bundle: Path) -> None:
    """The state goes in and comes out as tensors: whoever holds it holds the stream."""
    engine = Engine(open_bundle(tiny_bundle))
    about = httpx.get(f"{url}/models/words.step").json()
    chunk_BN, state = WAV_BN[:1, : engine.hop], engine.init_state(1)
    feeds = {"chunk": chunk_BN, **{f"in.{name}": value for name, value in state.items()}}
    answer = httpx.post(f"{url}/models/words.step/infer", json={"inputs": [_input(t, feeds) for t in about["inputs"]]})
    given = {tensor["name"]: np.array(tensor["data"]).reshape(tensor["shape"]) for tensor in answer.json()["outputs"]}
    logits_BFK, after = engine.step(chunk_BN, state)
    np.testing.assert_allclose(given[about["outputs"][0]["name"]], logits_BFK, rtol=1e-5)
    for name, value in after.items():
        np.testing.assert_allclose(given[f"out.{name}"], value, rtol=1e-5, atol=1e-6)


def test_only_so_many_bundles_are_held(app: TensorsApp) -> None:
    models = Models(app)
    first = models.open("words").graph
    assert models.open("words").graph is first
    models.open("again")
    assert models.open("words").graph is not first


def test_the_one_that_was_asked_for_longest_ago_makes_room(app: TensorsApp) -> None:
    more = {**app.models, "third": app.models["words"]}
    models = Models(app.model_copy(update={"models": more, "most_loaded": 2}))
    first, second = models.open("words").graph, models.open("again").graph
    assert models.open("words").graph is first
    models.open("third")
    assert models.open("words").graph is first
    assert models.open("again").graph is not second


def _input(tensor: dict[str, Any], feeds: dict[str, Any]) -> dict[str, Any]:
    value = feeds[tensor["name"]]
    return {**tensor, "shape": list(value.shape), "data": value.tolist()}


def request(**changes: Any) -> dict[str, Any]:
    return {"name": "wav", "shape": [1, 4], "datatype": "FP32", "data": [0, 0, 0, 0], **changes}


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ([], "at least 1 item"),
        ([request(name="sound")], "the model takes wav"),
        ([request(datatype="INT64")], "the model takes FP32"),
        ([request(shape=[4])], r"the model takes \[-1, -1\]"),
        ([request(shape=[2, 4])], "4 elements, the shape has 8"),
        ([request(data=["a", "b", "c", "d"])], "no tensor of FP32"),
        ([request(data=None)], "1 elements|no tensor"),
        ([request(data=None, parameters={"binary_data_size": 16})], "16 bytes do not hold"),
        ([request(), request()], "inputs wav, wav"),
    ],
)
def test_what_does_not_fit_is_told_in_the_protocols_form(url: str, inputs: list[Any], told: str) -> None:
    answer = httpx.post(f"{url}/models/words/infer", json={"inputs": inputs})
    assert answer.status_code == 422, answer.text
    assert answer.headers["x-error-code"] == "request.invalid"
    assert re.search(told, answer.json()["error"]), answer.text


@pytest.mark.parametrize("length", ["x", "-1", "99999999", "3"])
def test_a_false_length_of_the_json_is_refused(url: str, length: str) -> None:
    body = json.dumps({"inputs": [request()]}).encode()
    headers = {"Inference-Header-Content-Length": length}
    assert httpx.post(f"{url}/models/words/infer", content=body, headers=headers).status_code == 422


def test_a_body_has_a_limit(url: str) -> None:
    answer = httpx.post(f"{url}/models/words/infer", content=bytes(2 << 20))
    assert (answer.status_code, answer.headers["x-error-code"]) == (413, "audio.too_big")


def test_versions_are_told_apart(url: str) -> None:
    version = httpx.get(f"{url}/models/words").json()["versions"][0]
    assert httpx.get(f"{url}/models/words/versions/{version}/ready").json() == {"name": "words", "ready": True}
    assert httpx.get(f"{url}/models/words/versions/1/ready").status_code == 404
