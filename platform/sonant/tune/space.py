"""Points of a search space: drawn in order, with conditions, and put over a config.

A point is a flat mapping of dotted keys to values ({"model.kind": "bc_resnet", "train.lr": 0.004}): what was chosen and
nothing else, so two points compare, and a point reads like the overrides of a command line. Where a key has several
ranges, one for each kind of something, a word behind a slash tells them apart (model.memory.size/gru): no searcher
takes the sizes of one kind for those of another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

import numpy as np

from sonant.config.experiment import Experiment
from sonant.config.load import Tree, check, merge
from sonant.config.tune import Choice, Dimension, Float, Int

Point = dict[str, Any]
Space = Mapping[str, Dimension]
Pick = Callable[[str, Dimension], Any]
Number = TypeVar("Number", int, float)

_RESAMPLE = 0.25  # Jaderberg et al. 2017, section 4.1.2: resample or perturb, by these factors
_FACTORS = (0.8, 1.2)


def draw(space: Space, base: Tree, pick: Pick) -> Point:
    """Goes through the space in order and picks a value for each key whose condition holds in the config so far."""
    point: Point = {}
    so_far = base
    for key, dimension in space.items():
        if all(value_at(so_far, other) in allowed for other, allowed in dimension.when.items()):
            point[key] = pick(key, dimension)
            so_far = merge(so_far, nest(key_of(key), point[key]))
    return point


def apply(base: Tree, point: Point) -> Experiment:
    """The config of a point; ConfigError when its values do not fit together."""
    for key, value in point.items():
        base = merge(base, nest(key_of(key), value))
    return check(Experiment, base, source=f"point {point}")


def mutate(space: Space, point: Point, keys: Iterable[str], rng: np.random.Generator) -> Point:
    """Varies some keys of a point: numbers grow or shrink by a fifth or are drawn anew, choices move to a neighbour."""
    return {**point, **{key: _vary(space[key], point[key], rng) for key in keys if key in point}}


def random_pick(rng: np.random.Generator) -> Pick:
    """Draws without regard to any result."""
    return lambda _, dimension: _uniform(dimension, rng)


def key_of(name: str) -> str:
    """The config key that a name of the space stands for."""
    return name.partition("/")[0]


def nest(key: str, value: Any) -> Tree:
    """a.b, 1 becomes {"a": {"b": 1}}."""
    for part in reversed(key.split(".")):
        value = {part: value}
    return cast(Tree, value)


def value_at(tree: Tree, key: str) -> Any:
    """The value under a dotted key; None where the config has no such key."""
    node: Any = tree
    for part in key.split("."):
        if not isinstance(node, Mapping):
            return None
        node = cast(Mapping[str, Any], node).get(part)
    return node


def _uniform(dimension: Dimension, rng: np.random.Generator) -> Any:
    match dimension:
        case Choice(values=values):
            return values[int(rng.integers(len(values)))]
        case Float(low=low, high=high, log=True):
            return float(np.exp(rng.uniform(np.log(low), np.log(high))))
        case Float(low=low, high=high):
            return float(rng.uniform(low, high))
        case Int(low=low, high=high, log=True):
            return int(np.exp(rng.uniform(np.log(low), np.log(high + 1))))
        case Int(low=low, high=high):
            return int(rng.integers(low, high + 1))


def _vary(dimension: Dimension, value: Any, rng: np.random.Generator) -> Any:
    if rng.random() < _RESAMPLE:
        return _uniform(dimension, rng)
    up = bool(rng.integers(2))
    match dimension:
        case Choice(values=values):
            at = values.index(value) + (1 if up else -1)
            return values[min(max(at, 0), len(values) - 1)]
        case Float(low=low, high=high):
            return _within(float(value * _FACTORS[up]), low, high)
        case Int(low=low, high=high):
            # A fifth of a small number is no step at all.
            return _within(round(max(value * _FACTORS[1], value + 1) if up else value * _FACTORS[0]), low, high)


def _within(value: Number, low: Number, high: Number) -> Number:
    return min(max(value, low), high)
