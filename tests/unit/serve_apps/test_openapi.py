"""The OpenAPI document is what the code would write now, is valid, and says of every route all that a caller needs."""

from __future__ import annotations

import json
from itertools import combinations
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel

from serve_apps import openapi
from sonant.client import answers
from sonant.config.serve import Application
from sonant.edge.openapi import RIGHT, operations
from sonant.errors import ERRORS

DOCUMENT: dict[str, Any] = json.loads(openapi.FILE.read_text(encoding="ascii"))
OPERATIONS = {f"{method.upper()} {path}": operation for path, method, operation in operations(DOCUMENT)}


def schema_of(part: dict[str, Any]) -> dict[str, Any]:
    """A schema that can be followed to the document's components."""
    return {**part, "components": DOCUMENT["components"]}


def test_the_document_is_up_to_date() -> None:
    assert openapi.FILE.read_text(encoding="ascii") == openapi.text(), "run `make docs`"


def test_it_is_valid() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []
    assert len({operation["operationId"] for operation in OPERATIONS.values()}) == len(OPERATIONS)


def test_every_application_is_in_it() -> None:
    kinds = get_args(get_args(Application)[0])
    modules = {get_args(kind.model_fields["import_path"].annotation)[0].partition(":")[0] for kind in kinds}
    source = openapi.__file__
    with open(source, encoding="ascii") as file:
        text = file.read()
    for module in modules:
        assert f"{module.rpartition('.')[2]}.create_" in text, f"{module} is not described"
    assert {tag for operation in OPERATIONS.values() for tag in operation.get("tags", ())} >= {
        "classify", "emotion", "detect", "embed", "speakers", "extract", "enhance", "transcribe", "tensors", "home"
    }  # fmt: skip


def test_no_two_applications_mean_different_things_by_a_name() -> None:
    for one, other in combinations(openapi.documents().values(), 2):
        for kind, named in one["components"].items():
            for name in set(named) & set(other["components"].get(kind, {})):
                assert named[name] == other["components"][kind][name], f"{kind} {name}"


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_says_all(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert {"500", "503"} <= set(operation["responses"])
    good = [status for status in operation["responses"] if status < "400"]
    assert len(good) == 1
    if RIGHT in operation:
        assert {"401", "429"} <= set(operation["responses"])
        assert (operation[RIGHT] == "a key") == ("403" not in operation["responses"])
    else:
        assert (operation["security"], name.startswith("GET /")) == ([], True)
    for parameter in operation.get("parameters", ()):
        assert parameter["schema"], parameter["name"]
        assert parameter["in"] == "path" or parameter["description"], parameter["name"]
    for status, answer in operation["responses"].items():
        assert "X-Request-Id" in answer["headers"]
        assert ("Retry-After" in answer["headers"]) == (status in ("429", "503"))
        assert answer.get("content") or status in ("101", "204"), status


@pytest.mark.parametrize("name", OPERATIONS)
def test_its_examples_are_of_its_schemas(name: str) -> None:
    for status, answer in OPERATIONS[name]["responses"].items():
        for media, content in answer.get("content", {}).items():
            schema = content["schema"]
            shown = [one["value"] for one in content.get("examples", {}).values()]
            shown += [content["example"]] if "example" in content else []
            named = DOCUMENT["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
            shown += [named["example"]] if "example" in named else []
            assert shown or schema.get("format") == "binary", f"{status} {media} has no example"
            for one in shown:
                Draft202012Validator(schema_of(schema)).validate(one)
            if status >= "400":
                assert set(content["examples"]) <= set(ERRORS)
                assert {ERRORS[code].http for code in content["examples"]} == {int(status)}


CLIENT: dict[str, type[BaseModel]] = {
    "Answer": answers.Classification,
    "EmotionAnswer": answers.Emotions,
    "Detections": answers.Detections,
    "Vector": answers.Embedding,
    "Verification": answers.Verification,
    "EnrolledSpeaker": answers.Speaker,
    "EnrolledSpeakers": answers.Speakers,
}


@pytest.mark.parametrize("name", CLIENT)
def test_the_python_client_reads_what_is_answered(name: str) -> None:
    schema, model = DOCUMENT["components"]["schemas"][name], CLIENT[name]
    read = model.model_validate(schema["example"])
    assert not read.model_extra, "the client knows every field"
    for field, info in model.model_fields.items():
        assert field in schema["properties"]
        assert not info.is_required() or field in schema["required"]
