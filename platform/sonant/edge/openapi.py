"""An application's OpenAPI document, made whole: what every route may answer, whatever it does, is said once, here.

FastAPI writes down the routes, their parameters and their own answers. `complete` adds the errors that any route can
have, the headers of answers, and which right a key needs; `merge` makes one document of those of several applications.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any, cast

from fastapi import FastAPI
from fastapi.routing import APIRoute

from sonant.edge import errors
from sonant.edge.door import Rule

Document = dict[str, Any]

RIGHT = "x-sonant-right"
"""What the key of a request must be allowed, where keys are asked for."""
_METHODS = ("get", "put", "post", "delete", "patch")
_ALWAYS = ("server.internal", "server.starting")
_ABOUT = """\
Every error, on every route, is `{"error": {code, message, hint, request_id}}`; those of /v2 are as its protocol wants \
them. An X-Request-Id of up to 64 letters, digits, dots, dashes and underscores that a request brings is kept. Live \
sessions are in asyncapi.yaml."""


def complete(api: FastAPI, rule: Rule) -> Document:
    """The document of an application, below its prefix."""
    parts: Document = {}
    document = _hoisted(api.openapi(), parts)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas |= {**parts, "Error": errors.schema()}
    _restore_examples(api, document)
    document["components"]["headers"] = deepcopy(errors.HEADERS)
    for path, method, operation in operations(document):
        kind = "websocket" if "x-websocket" in operation else "http"
        need = rule({"type": kind, "method": method.upper(), "path": path, "root_path": ""})
        if need != "nothing":
            operation[RIGHT] = need
        _own_validation(operation)
        _add(operation, *_ALWAYS)
        for answer in operation["responses"].values():
            answer.setdefault("headers", {})[errors.REQUEST_ID] = {"$ref": f"#/components/headers/{errors.REQUEST_ID}"}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    return document


def merge(title: str, documents: Mapping[str, Mapping[str, Any]], *, keys: bool = False) -> Document:
    """One document from those of several applications, by their route prefixes; with `keys`, they are asked."""
    info = {"title": title, "version": "1", "description": _ABOUT}
    merged: Document = {"openapi": "3.1.0", "info": info, "paths": {}, "components": {"schemas": {}}}
    for prefix, part in documents.items():
        document = cast(Document, deepcopy(part))
        merged["paths"] |= {f"{prefix}{path}": item for path, item in document["paths"].items()}
        for kind, named in document.get("components", {}).items():
            merged["components"].setdefault(kind, {}).update(named)
    for path, method, operation in operations(merged):
        operation["operationId"] = re.sub(r"\W+", "_", f"{method}{path}").strip("_")
        if keys:
            _ask_for_keys(operation)
    if keys:
        about = "A key of `sonant keys add`; what it must be allowed is said with each operation."
        merged["security"] = [{"key": []}]
        merged["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": about}}
    return merged


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Document]]:
    """Path, method and operation of each."""
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _ask_for_keys(operation: Document) -> None:
    need = operation.get(RIGHT)
    operation["security"] = [] if need is None else [{"key": [] if need == "a key" else [need]}]
    if need is not None:
        forbidden = () if need == "a key" else ("request.forbidden",)
        _add(operation, "request.unauthorized", *forbidden, "request.quota")


def _restore_examples(api: FastAPI, document: Document) -> None:
    """FastAPI leaves out what is null in examples, and with it fields that an answer must have."""
    for route in api.routes:
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        for method in route.methods or ():
            answers = document["paths"][route.path_format][method.lower()]["responses"]
            for status, told in route.responses.items():
                for media, content in told.get("content", {}).items():
                    if "example" in content:
                        answers[str(status)]["content"][media]["example"] = deepcopy(content["example"])


def _hoisted(node: Any, schemas: Document) -> Any:
    """Schemas that bring their parts along (pydantic's), with those parts among the components."""
    if isinstance(node, dict):
        plain = {name: _hoisted(value, schemas) for name, value in cast(Document, node).items()}
        schemas.update(plain.pop("$defs", {}))
        return plain
    if isinstance(node, list):
        return [_hoisted(value, schemas) for value in cast(list[Any], node)]
    return node.replace("#/$defs/", "#/components/schemas/") if isinstance(node, str) else node


def _own_validation(operation: Document) -> None:
    """FastAPI describes errors of its own form wherever there is a parameter; ours are of one form."""
    answers = operation["responses"]
    if "HTTPValidationError" not in str(answers.get("422")):
        return
    del answers["422"]
    if any(parameter["in"] != "path" for parameter in operation.get("parameters", ())):
        _add(operation, "request.invalid")


def _add(operation: Document, *codes: str) -> None:
    """Errors that an operation can have, too."""
    for status, added in errors.documented(*codes).items():
        answer = operation["responses"].setdefault(str(status), added)
        if answer is added:
            continue
        answer["headers"] = {**added["headers"], **answer.get("headers", {})}
        content = answer["content"]["application/json"]
        plain = added["content"]["application/json"]
        content["examples"] |= plain["examples"]
        if content["schema"] != plain["schema"]:
            content["schema"] = {"anyOf": [content["schema"], plain["schema"]]}
