"""From a config's name to a checked, frozen object.

    defaults < base: files (in order) < the file < smoke: (when asked) < key=value

Errors name the path of the key, the value, what is allowed and the nearest match.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import fsspec
import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from sonant.errors import ConfigError

T = TypeVar("T")
Tree = dict[str, Any]

_CONFIGS = Path(__file__).parents[3] / "configs"
_MAX_BYTES = 1_000_000


def load(kind: type[T] | Any, reference: str, overrides: Sequence[str] = (), *, smoke: bool = False) -> T:
    """Reads a config (path, URL, or name under configs/), applies overrides and checks it against `kind`."""
    return check(kind, tree(reference, overrides, smoke=smoke), source=reference)


def tree(reference: str, overrides: Sequence[str] = (), *, smoke: bool = False) -> Tree:
    """The merged config as plain data, before it is checked."""
    merged = _read_with_bases(find(reference), ())
    small = cast(Tree, merged.pop("smoke", {}))
    if smoke:
        merged = merge(merged, small)
    for text in overrides:
        merged = merge(merged, parse_override(text))
    return merged


def check(kind: type[T] | Any, data: Mapping[str, Any], *, source: str = "config") -> T:
    """Checks plain data against a section type; all faults are told at once."""
    try:
        return cast(T, TypeAdapter(kind).validate_python(dict(data)))
    except ValidationError as error:
        lines = [_explain(kind, cast(Mapping[str, Any], fault)) for fault in error.errors()]
        raise ConfigError("config.invalid", f"{source}: " + "; ".join(lines)) from None


def find(reference: str) -> str:
    """A name such as kws/tc_resnet becomes a path; URLs and existing paths stay as they are."""
    if "://" in reference or os.path.isfile(reference):
        return reference
    folders = [Path(os.environ["SONANT_CONFIGS"])] if "SONANT_CONFIGS" in os.environ else []
    folders += [Path("configs"), _CONFIGS]
    for folder in folders:
        path = folder / f"{reference.removesuffix('.yaml')}.yaml"
        if path.is_file():
            return str(path)
    near = difflib.get_close_matches(reference, names(), n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known names: {', '.join(names())}"
    raise ConfigError("config.not_found", f"no config {reference!r}", hint=hint)


def names() -> list[str]:
    """The names of all configs that ship with the project (those for KubeRay and Grafana are kinds of their own)."""
    root = Path("configs") if Path("configs").is_dir() else _CONFIGS
    found = [str(path.relative_to(root).with_suffix("")) for path in root.rglob("*.yaml")]
    return sorted(name for name in found if not name.startswith(("kuberay/", "grafana/")))


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> Tree:
    """Deep merge. A mapping that changes its `kind` replaces the old one: other keys would no longer fit."""
    merged: Tree = dict(under)
    for key, value in over.items():
        below = merged.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            changed = "kind" in value and value["kind"] != below.get("kind", value["kind"])
            merged[key] = dict(value) if changed else merge(cast(Tree, below), cast(Tree, value))
        else:
            merged[key] = value
    return merged


def parse_override(text: str) -> Tree:
    """`a.b=1` or `A=1` becomes {"a": {"b": 1}}; the value is YAML. Keys are not case-sensitive (ROOT=...)."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError("config.invalid", f"override {text!r} is not key=value", hint="write train.epochs=5")
    try:
        parsed: Any = _plain(value) if value else None
    except yaml.YAMLError:
        parsed = value
    for part in reversed(key.lower().split(".")):
        parsed = {part: parsed}
    return cast(Tree, parsed)


def dump(config: BaseModel) -> str:
    """A config as YAML that loads to the same object: what is stored with every run."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)


def _read_with_bases(path: str, above: tuple[str, ...]) -> Tree:
    if path in above:
        raise ConfigError("config.invalid", f"base files go round in a circle: {' -> '.join((*above, path))}")
    data = _read(path)
    bases = data.pop("base", [])
    merged: Tree = {}
    for base in cast(list[str], [bases] if isinstance(bases, str) else bases):
        beside = Path(path).parent / f"{base.removesuffix('.yaml')}.yaml"
        merged = merge(merged, _read_with_bases(str(beside) if beside.is_file() else find(base), (*above, path)))
    return merge(merged, data)


def _read(path: str) -> Tree:
    try:
        with fsspec.open(path, "rb") as file:
            raw = cast(bytes, file.read(_MAX_BYTES + 1))  # pyright: ignore[reportAttributeAccessIssue]
    except (OSError, ValueError) as error:
        raise ConfigError("config.not_found", f"cannot read {path}: {error}") from None
    if len(raw) > _MAX_BYTES or (b"&" in raw and _has_aliases(raw)):
        raise ConfigError("config.syntax", f"{path} is too big or uses YAML anchors")
    try:
        data: Any = _plain(raw)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError("config.syntax", f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict):
        raise ConfigError("config.syntax", f"{path} holds no mapping")
    return cast(Tree, data)


class _PlainLoader(yaml.SafeLoader):
    """Plain data as YAML 1.2 reads it: only true and false are booleans. PyYAML's 1.1 rules would make booleans of
    yes, no, on and off, which are keywords to us."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF"))


def _plain(text: str | bytes) -> Any:
    loader = _PlainLoader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def _has_aliases(raw: bytes) -> bool:
    """Anchors can blow a small file up to gigabytes (billion laughs), and no config of ours needs them."""
    try:
        return any(isinstance(token, yaml.AliasToken | yaml.AnchorToken) for token in yaml.scan(raw))
    except yaml.YAMLError:
        return False  # the parser will say what is wrong


def _explain(kind: Any, fault: Mapping[str, Any]) -> str:
    where = [part for part in cast(tuple[str | int, ...], fault["loc"])]
    key = ".".join(str(part) for part in where)
    if fault["type"] == "extra_forbidden":
        allowed = _keys_at(kind, where[:-1])
        near = difflib.get_close_matches(str(where[-1]), allowed, n=1, cutoff=0.5)
        return f"unknown key {key}" + (f", did you mean {near[0]}?" if near else f", allowed: {', '.join(allowed)}")
    if fault["type"] == "missing":
        return f"{key} is missing"
    if fault["type"] == "union_tag_not_found":
        tags = [
            node["properties"]["kind"]["const"]
            for node in _nodes_at(kind, where)
            if "kind" in node.get("properties", {})
        ]
        return f"{key or 'the file'} needs a kind: {', '.join(sorted(set(map(str, tags))))}"
    message = str(fault["msg"])
    return f"{key} = {fault['input']!r}: {message[:1].lower()}{message[1:]}"


def _keys_at(kind: Any, where: Sequence[str | int]) -> list[str]:
    """Names of the keys that are allowed at a path."""
    return sorted({name for node in _nodes_at(kind, where) for name in cast(Tree, node.get("properties", {}))})


def _nodes_at(kind: Any, where: Sequence[str | int]) -> list[Tree]:
    """Schema nodes at a path; pydantic puts the tags of unions into it."""
    schema: Tree = TypeAdapter(kind).json_schema()
    definitions = cast(dict[str, Tree], schema.get("$defs", {}))

    def resolve(node: Tree) -> list[Tree]:
        if "$ref" in node:
            return resolve(definitions[str(node["$ref"]).rsplit("/", 1)[-1]])
        options = cast(list[Tree], node.get("oneOf", node.get("anyOf", [])))
        return [leaf for option in options for leaf in resolve(option)] if options else [node]

    nodes = resolve(schema)
    for part in where:
        below = [leaf for node in nodes for child in _children(node, part) for leaf in resolve(child)]
        tagged = [node for node in nodes if node.get("properties", {}).get("kind", {}).get("const") == part]
        nodes = below or tagged or nodes
    return nodes


def _children(node: Tree, part: str | int) -> list[Tree]:
    """Schema nodes one key further down: a property, a list item, or a mapping's value."""
    properties: dict[str, Tree] = node.get("properties", {})
    if part in properties:
        return [properties[str(part)]]
    below = [node.get("items"), node.get("additionalProperties")]
    return [] if properties else [child for child in below if isinstance(child, dict)]
