"""Requests and answers of the open inference protocol (KServe v2): tensors as JSON numbers, or bytes behind the JSON.

With bytes, the header Inference-Header-Content-Length tells where the JSON ends; what follows are the tensors that say
how many bytes they have, in their order. Nothing is read beyond what a tensor's shape and type call for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from sonant.errors import RequestError
from sonant.runtime.graph import Array
from sonant.runtime.info import Dtype, TensorInfo

JSON_LENGTH = "Inference-Header-Content-Length"
DATATYPES: dict[Dtype, str] = {
    "float32": "FP32", "float64": "FP64", "float16": "FP16", "int64": "INT64", "int32": "INT32", "bool": "BOOL"
}  # fmt: skip

Flag = bool | int | float | str


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)


class Input(_Message):
    """A tensor that is sent."""

    name: Annotated[str, Field(max_length=256)]
    shape: Annotated[list[Annotated[int, Field(ge=0)]], Field(max_length=8)]
    datatype: str
    """FP32, INT64, ..."""
    parameters: dict[str, Flag] = {}
    """`binary_data_size`: bytes of it behind the JSON."""
    data: list[Any] | None = None
    """Elements in row-major order, nested or flat; null where they are bytes."""


class Wanted(_Message):
    """A tensor that is asked for."""

    name: Annotated[str, Field(max_length=256)]
    parameters: dict[str, Flag] = {}
    """`binary_data`: as bytes behind the JSON."""


class Ask(_Message):
    """The JSON of a request."""

    id: Annotated[str, Field(max_length=256)] = ""
    """Handed back as it is."""
    parameters: dict[str, Flag] = {}
    """`binary_data_output`: all outputs as bytes."""
    inputs: Annotated[list[Input], Field(min_length=1, max_length=512)]
    outputs: Annotated[list[Wanted], Field(max_length=512)] | None = None
    """Null: all."""


class OutputTensor(_Message):
    """A tensor that is handed out."""

    name: str
    shape: list[int]
    datatype: str
    data: list[float | int | bool] | None = None
    """Elements in row-major order; not there where they are bytes."""
    parameters: dict[str, Flag] | None = None
    """`binary_data_size`: bytes of it behind the JSON."""


class Inferred(_Message):
    """The JSON of an answer."""

    model_name: str
    model_version: str
    id: str
    """As the request has it."""
    outputs: list[OutputTensor]


class TensorMetadata(_Message):
    """A tensor that a model takes or gives."""

    name: str
    datatype: str
    shape: list[int]
    """-1: any size."""


class ModelMetadata(_Message):
    """What a model takes and gives."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ServerMetadata(_Message):
    """What answers here."""

    name: str
    version: str
    """Of the protocol."""
    extensions: list[str]
    models: list[str]
    """Every graph that can be asked for."""


class ModelReady(_Message):
    """Whether a model is loaded."""

    name: str
    ready: bool


class ServerReady(_Message):
    """Whether requests are taken."""

    ready: bool


class ServerLive(_Message):
    """Whether the process answers."""

    live: bool


_ASK = TypeAdapter(Ask)


class Request(NamedTuple):
    """What is to be run."""

    id: str
    feeds: dict[str, Array]
    wanted: dict[str, bool]
    """Outputs by name, and whether each is to be bytes."""


def read(body: bytes, json_length: str | None, inputs: Sequence[TensorInfo], outputs: Sequence[TensorInfo]) -> Request:
    """Checks a request against the tensors of a graph."""
    end = len(body) if json_length is None else _length(json_length, len(body))
    try:
        ask = _ASK.validate_json(body[:end])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise RequestError("request.invalid", f"{where or 'the body'}: {first['msg'].lower()}") from None
    known = {tensor.name: tensor for tensor in inputs}
    names = [tensor.name for tensor in ask.inputs]
    if sorted(names) != sorted(known):
        raise RequestError("request.invalid", f"inputs {', '.join(names)}; the model takes {', '.join(known)}")
    feeds: dict[str, Array] = {}
    for tensor in ask.inputs:
        feeds[tensor.name], end = _tensor(tensor, known[tensor.name], body, end)
    if end != len(body):
        raise RequestError("request.invalid", f"{len(body) - end} bytes behind the last tensor")
    return Request(ask.id, feeds, _wanted(ask, [tensor.name for tensor in outputs]))


def answer(request: Request, model: str, version: str, outputs: Mapping[str, Array]) -> tuple[bytes, dict[str, str]]:
    """Body and headers of an answer."""
    told: list[dict[str, Any]] = []
    tail: list[bytes] = []
    for name, binary in request.wanted.items():
        value = outputs[name]
        datatype = DATATYPES[value.dtype.name]  # pyright: ignore[reportArgumentType]
        tensor: dict[str, Any] = {"name": name, "shape": list(value.shape), "datatype": datatype}
        if binary:
            tail.append(np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False).tobytes())
            tensor["parameters"] = {"binary_data_size": len(tail[-1])}
        else:
            tensor["data"] = value.ravel().tolist()
        told.append(tensor)
    message = {"model_name": model, "model_version": version, "id": request.id, "outputs": told}
    try:
        head = json.dumps(message, allow_nan=False).encode()
    except ValueError:
        hint = "ask for the outputs as binary data"
        raise RequestError("request.invalid", "the outputs are not finite, which JSON cannot tell", hint=hint) from None
    if not tail:
        return head, {"Content-Type": "application/json"}
    headers = {"Content-Type": "application/octet-stream", JSON_LENGTH: str(len(head))}
    return b"".join([head, *tail]), headers


def described(tensor: TensorInfo) -> dict[str, Any]:
    """A tensor as metadata tells it; a size that may vary is -1."""
    shape = [size if isinstance(size, int) else -1 for size in tensor.shape]
    return {"name": tensor.name, "datatype": DATATYPES[tensor.dtype], "shape": shape}


def _tensor(tensor: Input, known: TensorInfo, body: bytes, at: int) -> tuple[Array, int]:
    """An input, and where the next one's bytes begin."""
    wanted = described(known)
    if tensor.datatype != wanted["datatype"]:
        raise RequestError(
            "request.invalid", f"{tensor.name} is {tensor.datatype}, the model takes {wanted['datatype']}"
        )
    fixed = wanted["shape"]
    if len(tensor.shape) != len(fixed) or any(
        size not in (own, -1) for own, size in zip(tensor.shape, fixed, strict=True)
    ):
        raise RequestError("request.invalid", f"{tensor.name} has the shape {tensor.shape}, the model takes {fixed}")
    dtype, count = np.dtype(known.dtype), math.prod(tensor.shape)
    size = tensor.parameters.get("binary_data_size")
    if size is not None:
        if tensor.data is not None or size != count * dtype.itemsize or at + count * dtype.itemsize > len(body):
            told = f"{tensor.name}: {size} bytes do not hold {count} elements of {tensor.datatype}"
            raise RequestError("request.invalid", told)
        value = np.frombuffer(body, dtype.newbyteorder("<"), count, at)
        return value.astype(dtype).reshape(tensor.shape), at + count * dtype.itemsize
    return _from_json(tensor, dtype, count), at


def _from_json(tensor: Input, dtype: np.dtype[Any], count: int) -> Array:
    try:
        value = np.asarray(tensor.data, dtype)
    except (TypeError, ValueError, OverflowError):
        raise RequestError("request.invalid", f"{tensor.name}: data is no tensor of {tensor.datatype}") from None
    if tensor.data is None or value.size != count:
        raise RequestError("request.invalid", f"{tensor.name}: {value.size} elements, the shape has {count}")
    return value.reshape(tensor.shape)


def _wanted(ask: Ask, names: Sequence[str]) -> dict[str, bool]:
    everything = ask.parameters.get("binary_data_output") is True
    if not ask.outputs:
        return dict.fromkeys(names, everything)
    if unknown := [one.name for one in ask.outputs if one.name not in names]:
        raise RequestError("request.invalid", f"there is no output {unknown[0]!r}: there are {', '.join(names)}")
    return {one.name: one.parameters.get("binary_data", everything) is True for one in ask.outputs}


def _length(text: str, most: int) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 18 or int(text) > most:
        raise RequestError("request.invalid", f"{JSON_LENGTH} is no number up to the length of the body")
    return int(text)
