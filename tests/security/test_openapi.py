"""Schemathesis makes requests of every operation that the OpenAPI documents describe: none is our fault, and what comes
back is as described: its status, media type, headers and body.

SONANT_HOSTILE=40000 makes 1000 requests of each.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

schemathesis = pytest.importorskip("schemathesis")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from schemathesis.checks import load_all_checks  # noqa: E402
from schemathesis.specs.openapi import checks  # noqa: E402

from serve_apps import openapi  # noqa: E402
from sonant.audio.wav import encode_wav  # noqa: E402
from sonant.edge.openapi import operations as listed  # noqa: E402
from sonant.errors import ERRORS  # noqa: E402

load_all_checks()
AS_DESCRIBED = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]

pytestmark = [
    pytest.mark.timeout(3000),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning"),
]


async def described(replica: Any) -> dict[str, Any]:
    """The document that an application gives the home application."""
    if replica.name == "home":
        return openapi.documents()[""]
    return (await replica.replica.describe())["openapi"]


def operations(replica: Any) -> list[Any]:
    """Every operation of an application, with the application behind it, below its prefix."""
    document = asyncio.run(described(replica))
    document = {**document, "paths": {replica.prefix + path: item for path, item in document["paths"].items()}}
    schema = schemathesis.openapi.from_dict(document)
    schema.app = replica
    return [found.ok() for found in schema.get_all_operations()]


def clip() -> bytes:
    """A short recording."""
    noise_N = np.random.default_rng(0).standard_normal(1600)
    return encode_wav((0.1 * noise_N).astype(np.float32), 16_000)


schemathesis.openapi.format("binary", st.binary(max_size=200) | st.just(clip()))

TENSOR = {"name": "wav", "shape": [1, 16_000], "datatype": "FP32", "data": [0.0] * 16_000}
KNOWN = {"name": "tones"}
FORMS: dict[str, dict[str, Any]] = {
    "/v1/verify": {"file": clip(), "reference": clip()},
    "/v1/extract": {"file": clip(), "reference": [clip(), clip()]},
    "/v1/speakers": {"file": [clip()], "name": "Ada"},
}


def made_known(case: Any) -> None:
    """What nobody guesses: names of what is there, a tensor or a form that fits, what sound may be answered as."""
    for name in KNOWN.keys() & (case.path_parameters or {}).keys():
        case.path_parameters[name] = KNOWN[name]
    if case.path.endswith("/infer") and isinstance(case.body, dict):
        case.body = {**case.body, "inputs": [TENSOR], "parameters": {}, "outputs": None}
        case.headers.clear()
    if isinstance(case.body, dict) and case.path in FORMS:
        case.body = FORMS[case.path]
    case.headers["Accept"] = "application/json"


def answers(operation: Any, examples: int) -> list[int]:
    """Statuses of what was made up for one operation."""
    found: list[int] = []

    @given(case=operation.as_strategy(), known=st.booleans())
    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case: Any, known: bool) -> None:
        if known:
            made_known(case)
        answer = case.call()
        found.append(answer.status_code)
        # 503 says that it is full, or not ready; 500 would be a mistake of ours.
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        if answer.status_code >= 400:
            error = answer.json()["error"]
            # The protocol of tensors has a form of its own, and our code in a header.
            told = {"code": answer.headers["x-error-code"][0]} if isinstance(error, str) else error
            assert told["code"] in ERRORS
            assert isinstance(error, str) or set(error) == {"code", "message", "hint", "request_id"}
        case.validate_response(answer, checks=AS_DESCRIBED)

    ask()
    return found


@pytest.fixture
def described_replicas(replicas: Callable[..., list[Any]], bundles: dict[str, dict[str, Any]]) -> list[Any]:
    """One of each application, and of the classifier both."""
    all_of_them = replicas()
    [classifier] = [one for one in all_of_them if one.name == "classify"]
    feeling = {**bundles["serve_apps.classify"], "answer": "emotion"}
    return [*all_of_them, type(classifier)("serve_apps.classify", feeling, "/v1/emotion")]


def test_no_described_request_is_our_fault(described_replicas: list[Any], count: Callable[[int], int]) -> None:
    examples = max(8, count(320) // 40)
    asked = {
        f"{replica.prefix} {operation.label}": answers(operation, examples)
        for replica in described_replicas
        for operation in operations(replica)
    }
    statuses = Counter(status for found in asked.values() for status in found)
    assert {200, 422} <= set(statuses), "nothing got as far as a route"
    print(f"\n{statuses.total()} requests of {len(asked)} operations: {dict(statuses)}")
    whole = openapi.documents().values()
    assert len(asked) == sum(1 for document in whole for _ in listed(document)), "some operation was not asked"
