"""Writes docs/asyncapi.yaml: the messages of live sessions, from the models that read and write them.

python -m sonant.edge.asyncapi
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast, get_args

import yaml
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from sonant.edge.protocol import Client, ServerMessage

_REF = "#/components/schemas/"
_SOUND = {
    "audio": "Sound of the client, in the format of its start message; before `enrolled`, a recording.",
    "sound": "Sound of the server, in the format of `output`.",
}


def document() -> dict[str, Any]:
    """The AsyncAPI 3.0 document: one channel, what either side sends, and the schemas."""
    incoming = cast(tuple[type[BaseModel], ...], get_args(Client))
    outgoing = cast(tuple[type[BaseModel], ...], get_args(ServerMessage))
    _, schemas = models_json_schema([(model, "validation") for model in incoming], ref_template=_REF + "{model}")
    _, told = models_json_schema([(model, "serialization") for model in outgoing], ref_template=_REF + "{model}")
    messages = {_name(model): _message(model) for model in (*incoming, *outgoing)}
    messages |= {
        name: {"summary": about, "contentType": "application/octet-stream", "payload": {"type": "string"}}
        for name, about in _SOUND.items()
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "sonant live sessions",
            "version": "1",
            "description": "One WebSocket is one session, or a part of one that goes on. docs/protocol.md tells how.",
        },
        "channels": {
            "stream": {
                "address": "{route}/stream",
                "parameters": {"route": {"description": "Where an application is: /v1/audio/classifications, ..."}},
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            "fromClient": _operation("receive", [*map(_name, incoming), "audio"]),
            "fromServer": _operation("send", [*map(_name, outgoing), "sound"]),
        },
        "components": {"messages": messages, "schemas": schemas["$defs"] | told["$defs"]},
    }


def text() -> str:
    """The document as YAML."""
    plain = json.loads(json.dumps(document()))
    return yaml.safe_dump(plain, sort_keys=False, width=120, allow_unicode=False)


def _operation(action: str, names: list[str]) -> dict[str, Any]:
    channel = "#/channels/stream"
    return {
        "action": action,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in names],
    }


def _name(model: type[BaseModel]) -> str:
    return model.__name__[0].lower() + model.__name__[1:]


def _message(model: type[BaseModel]) -> dict[str, Any]:
    about = re.sub(r"\s+", " ", model.__doc__ or "").strip()
    return {"summary": about, "contentType": "application/json", "payload": {"$ref": _REF + model.__name__}}


def main() -> None:
    """Writes the file."""
    path = Path(__file__).parents[3] / "docs" / "asyncapi.yaml"
    path.write_text(text(), encoding="ascii")


if __name__ == "__main__":
    main()
