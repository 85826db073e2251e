"""The description of live sessions is what the code would write now, and holds every message."""

from __future__ import annotations

from pathlib import Path

import yaml

from sonant.edge import asyncapi
from sonant.edge.protocol import json_schemas

DOCS = Path(__file__).parents[3] / "docs"


def test_the_document_is_up_to_date() -> None:
    assert (DOCS / "asyncapi.yaml").read_text(encoding="ascii") == asyncapi.text(), "run `make docs`"


def test_every_message_is_described() -> None:
    document = yaml.safe_load(asyncapi.text())
    schemas = document["components"]["schemas"]
    known = {name for side in json_schemas().values() for name in side["$defs"]}
    assert known <= set(schemas)
    for message in document["components"]["messages"].values():
        assert message["summary"], "every message says what it is"
    told = (DOCS / "protocol.md").read_text(encoding="ascii")
    for schema in schemas.values():
        kind = schema.get("properties", {}).get("type", {}).get("const")
        assert kind is None or f"`{kind}`" in told, f"docs/protocol.md does not speak of {kind}"
