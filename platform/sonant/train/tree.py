"""Nested state (dicts, lists, tensors, plain values) as tensors plus JSON, and back without a difference.

What optimisers and scalers call their state has integer keys and tuples, which JSON would turn into strings and lists;
tagged objects keep them. Nothing but tensors and JSON is ever stored: reading a checkpoint cannot run code.
"""

from __future__ import annotations

from typing import Any, cast

from torch import Tensor

Tensors = dict[str, Tensor]


def flatten(tree: Any) -> tuple[Tensors, Any]:
    """Takes the tensors out of a tree: ({"0": tensor, ...} named by path, the rest ready for JSON)."""
    tensors: Tensors = {}
    return tensors, _strip(tree, "", tensors)


def unflatten(tensors: Tensors, rest: Any) -> Any:
    """The tree that `flatten` took apart."""
    if isinstance(rest, list):
        return [unflatten(tensors, item) for item in cast(list[Any], rest)]
    if not isinstance(rest, dict):
        return rest
    tagged = cast(dict[str, Any], rest)
    if "$tensor" in tagged:
        return tensors[tagged["$tensor"]]
    if "$tuple" in tagged:
        return tuple(unflatten(tensors, item) for item in tagged["$tuple"])
    if "$items" in tagged:
        return {key: unflatten(tensors, value) for key, value in tagged["$items"]}
    return {key: unflatten(tensors, value) for key, value in tagged.items()}


def _strip(tree: Any, path: str, tensors: Tensors) -> Any:
    if isinstance(tree, Tensor):
        while path in tensors:  # {1: a, "1": b} has the same path twice
            path += "'"
        tensors[path] = tree
        return {"$tensor": path}
    if isinstance(tree, dict):
        items = [
            (key, _strip(value, f"{path}/{key}" if path else str(key), tensors))
            for key, value in cast(dict[Any, Any], tree).items()
        ]
        plain = all(isinstance(key, str) and not key.startswith("$") for key, _ in items)
        return dict(items) if plain else {"$items": [list(item) for item in items]}
    if isinstance(tree, list | tuple):
        parts = [_strip(value, f"{path}/{at}", tensors) for at, value in enumerate(cast(list[Any], tree))]
        return {"$tuple": parts} if isinstance(tree, tuple) else parts
    assert tree is None or isinstance(tree, bool | int | float | str), f"{path} is a {type(tree).__name__}"
    return tree
