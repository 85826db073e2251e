"""Checkpoints: safetensors and JSON in a folder, on a disk or behind any fsspec URL.

    model.safetensors   the weights that were validated and are exported (the moving average when there is one)
    state.safetensors   all tensors that training needs to go on: raw weights, optimiser, moving average
    state.json          the rest of it, and the sizes of the other two: a folder without it is no checkpoint

A checkpoint is written beside its place (`last.new`), then the old one is moved off (`last.old`) and the new one in.
Whatever moment the writer is killed at, one of the three folders is whole, and reading takes the first that is.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any, cast

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_tensors
from safetensors.torch import save as format_tensors

from sonant.errors import RunError
from sonant.track import files
from sonant.train.tree import Tensors, flatten, unflatten

_WEIGHTS, _TENSORS, _STATE = "model.safetensors", "state.safetensors", "state.json"
_FORMAT = 1


@dataclass(frozen=True)
class Checkpoint:
    """`weights` is what is exported; `state` is a tree of tensors and plain values that training continues from."""

    weights: Tensors
    state: dict[str, Any]


def save(url: str, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint; the one that was there stays whole until the new one is."""
    new, old = f"{url}.new", f"{url}.old"
    tensors, rest = flatten(checkpoint.state)
    contents = {_WEIGHTS: _format(checkpoint.weights), _TENSORS: _format(tensors)}
    sizes = {name: len(data) for name, data in contents.items()}
    contents[_STATE] = json.dumps({"format": _FORMAT, "files": sizes, "state": rest}, allow_nan=False).encode()
    _remove(new)
    try:
        for name, data in contents.items():
            files.write_bytes(files.join(new, name), data)
    except BaseException:
        _remove(new)
        raise
    if _complete(url):
        _remove(old)
        _move(url, old)
    _remove(url)
    _move(new, url)
    _remove(old)


def load(url: str) -> Checkpoint:
    """Reads a checkpoint, tensors on the CPU."""
    folder = _find(url)
    state = files.read_json(files.join(folder, _STATE))
    if state["format"] != _FORMAT:
        raise RunError("run.failed", f"{folder} has format {state['format']}, this version reads {_FORMAT}")
    return Checkpoint(
        _parse(folder, _WEIGHTS), cast(dict[str, Any], unflatten(_parse(folder, _TENSORS), state["state"]))
    )


def load_weights(url: str) -> Tensors:
    """Only the weights that are exported."""
    return _parse(_find(url), _WEIGHTS)


def exists(url: str) -> bool:
    return any(_complete(folder) for folder in _places(url))


def _places(url: str) -> tuple[str, str, str]:
    return url, f"{url}.new", f"{url}.old"


def _find(url: str) -> str:
    for folder in _places(url):
        if _complete(folder):
            return folder
    raise RunError("run.not_found", f"no checkpoint at {url}", hint="the run was stopped before its first checkpoint")


def _complete(folder: str) -> bool:
    found, inner = files.filesystem(folder)
    found.invalidate_cache()
    if not found.exists(f"{inner}/{_STATE}"):
        return False
    sizes = cast(dict[str, int], files.read_json(files.join(folder, _STATE))["files"])
    return all(
        found.exists(f"{inner}/{name}") and found.size(f"{inner}/{name}") == size for name, size in sizes.items()
    )


def _format(tensors: Tensors) -> bytes:
    # Copies, because safetensors refuses tensors that share memory, as tied weights do.
    return format_tensors({name: value.detach().to("cpu", copy=True).contiguous() for name, value in tensors.items()})


def _parse(folder: str, name: str) -> dict[str, torch.Tensor]:
    path = files.join(folder, name)
    try:
        return parse_tensors(files.read_bytes(path))
    except SafetensorError as error:
        raise RunError("run.failed", f"{path} is damaged: {error}", hint="continue from another checkpoint") from error


def _move(source: str, target: str) -> None:
    """One rename on a disk. Object stores move file by file, state.json last, so a half-moved folder does not count."""
    disk = files.on_disk(source), files.on_disk(target)
    if disk[0] is not None and disk[1] is not None:
        os.rename(disk[0], disk[1])
        return
    found, inner = files.filesystem(source)
    for name in (_WEIGHTS, _TENSORS, _STATE):
        found.mv(f"{inner}/{name}", f"{files.filesystem(target)[1]}/{name}")
    _remove(source)


def _remove(folder: str) -> None:
    found, inner = files.filesystem(folder)
    found.invalidate_cache()
    if found.exists(inner):
        found.rm(inner, recursive=True)
