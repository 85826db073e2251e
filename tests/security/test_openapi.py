"""Schemathesis makes requests of every operation that the OpenAPI documents describe: none is our fault."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

schemathesis = pytest.importorskip("schemathesis")

from hypothesis import HealthCheck, Phase, given, settings  # noqa: E402

from sonant.edge import face  # noqa: E402
from sonant.errors import ERRORS  # noqa: E402

pytestmark = [
    pytest.mark.timeout(3000),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning"),
]


def operations(replica: Any) -> list[Any]:
    """Every operation of an application, with the application behind it, below its prefix."""
    document = face.openapi(replica.api)
    document = {**document, "paths": {replica.prefix + path: item for path, item in document["paths"].items()}}
    schema = schemathesis.openapi.from_dict(document)
    schema.app = replica
    return [found.ok() for found in schema.get_all_operations()]


def answers(operation: Any, examples: int) -> list[int]:
    """Statuses of what was made up for one operation."""
    found: list[int] = []

    @given(case=operation.as_strategy())
    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    def ask(case: Any) -> None:
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

    ask()
    return found


def test_no_described_request_is_our_fault(replicas: Callable[..., list[Any]], count: Callable[[int], int]) -> None:
    examples = max(10, count(400) // 40)
    asked = {
        f"{replica.name} {operation.label}": answers(operation, examples)
        for replica in replicas()
        for operation in operations(replica)
    }
    statuses = Counter(status for found in asked.values() for status in found)
    assert {200, 422} <= set(statuses), "nothing got as far as a route"
    print(f"\n{statuses.total()} requests of {len(asked)} operations: {dict(statuses)}")
    assert len(asked) >= 16
