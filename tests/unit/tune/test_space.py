from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from sonant.config.experiment import Experiment
from sonant.config.load import load, names
from sonant.config.tune import Choice, Dimension, Float, Int
from sonant.errors import ConfigError
from sonant.tune.space import Point, apply, draw, mutate, nest, random_pick, value_at

BASE: dict[str, Any] = {
    "name": "x",
    "model": {"kind": "tc_resnet", "variant": 8},
    "data": {"corpus": "c"},
}
SPACE: dict[str, Dimension] = {
    "model": Choice(values=({"kind": "tc_resnet"}, {"kind": "bc_resnet", "causal": True})),
    "model.tau": Choice(values=(1.0, 2.0), when={"model.kind": ("bc_resnet",)}),
    "model.width": Float(low=0.5, high=2.0, when={"model.kind": ("tc_resnet",)}),
    "train.lr": Float(low=1e-4, high=1e-1, log=True),
    "data.batch_size": Int(low=8, high=64, log=True),
}


def points(count: int) -> list[Point]:
    rng = np.random.default_rng(0)
    return [draw(SPACE, BASE, random_pick(rng)) for _ in range(count)]


def test_keys_are_drawn_only_where_they_exist() -> None:
    seen: set[str] = set()
    for point in points(50):
        kind = point["model"]["kind"]
        seen.add(kind)
        assert ("model.tau" in point) == (kind == "bc_resnet")
        assert ("model.width" in point) == (kind == "tc_resnet")
    assert seen == {"tc_resnet", "bc_resnet"}


def test_a_condition_may_look_at_the_config_under_the_space() -> None:
    space: dict[str, Dimension] = {"model.width": Float(low=1, high=2, when={"model.kind": ("bc_resnet",)})}
    pick = random_pick(np.random.default_rng(0))
    assert draw(space, BASE, pick) == {}
    assert "model.width" in draw(space, {**BASE, "model": {"kind": "bc_resnet"}}, pick)


def test_every_point_makes_a_config() -> None:
    for point in points(50):
        cfg = apply(BASE, point)
        assert cfg.model.kind == point["model"]["kind"]
        assert cfg.train.lr == point["train.lr"]
        assert 8 <= cfg.data.batch_size <= 64


def test_a_section_of_another_kind_replaces_the_old_one() -> None:
    # `variant` belongs to tc_resnet: left in place it would be an unknown key.
    cfg = apply(BASE, {"model": {"kind": "bc_resnet", "causal": True}})
    assert cfg.model.kind == "bc_resnet"
    assert cfg.model.causal


def test_a_wrong_key_is_a_mistake_of_the_user() -> None:
    with pytest.raises(ConfigError, match=r"train\.lrr"):
        apply(BASE, {"train.lrr": 0.1})


def test_log_ranges_are_even_in_ratio() -> None:
    rates = np.array([point["train.lr"] for point in points(600)])
    per_decade = np.histogram(np.log10(rates), bins=[-4, -3, -2, -1])[0]
    assert per_decade.sum() == 600
    assert per_decade.min() > 150


@given(seed=st.integers(0, 2**32 - 1))
def test_mutation_stays_in_range_and_touches_only_its_keys(seed: int) -> None:
    space: dict[str, Dimension] = {
        "float": Float(low=0.1, high=1.0),
        "int": Int(low=1, high=4),
        "choice": Choice(values=("a", "b", "c")),
        "other": Float(low=0.0, high=1.0),
    }
    point = {"float": 0.95, "int": 1, "choice": "c", "other": 0.3}
    mutated = mutate(space, point, ("float", "int", "choice", "absent"), np.random.default_rng(seed))
    assert mutated.keys() == point.keys()
    assert mutated["other"] == 0.3
    assert 0.1 <= mutated["float"] <= 1.0
    assert mutated["int"] in (1, 2, 3, 4)
    assert mutated["choice"] in ("a", "b", "c")
    assert point == {"float": 0.95, "int": 1, "choice": "c", "other": 0.3}


def test_mutation_moves_small_whole_numbers() -> None:
    space: dict[str, Dimension] = {"int": Int(low=1, high=9)}
    rng = np.random.default_rng(0)
    assert {mutate(space, {"int": 2}, ("int",), rng)["int"] for _ in range(50)} >= {2, 3}


def test_nest_and_value_at_are_inverse() -> None:
    assert nest("a.b", 1) == {"a": {"b": 1}}
    assert value_at(nest("a.b", 1), "a.b") == 1
    assert value_at({"a": 1}, "a.b") is None
    assert value_at({}, "a") is None


def test_one_key_has_a_range_for_each_kind() -> None:
    space: dict[str, Dimension] = {
        "model": SPACE["model"],
        "model.width/narrow": Choice(values=(0.25,), when={"model.kind": ("tc_resnet",)}),
        "model.tau/wide": Choice(values=(8.0,), when={"model.kind": ("bc_resnet",)}),
        "train.lr/low": Choice(values=(1e-4,), when={"model.tau": (8.0,)}),
    }
    rng = np.random.default_rng(0)
    for _ in range(20):
        point = draw(space, BASE, random_pick(rng))
        cfg = apply(BASE, point)
        wide = cfg.model.kind == "bc_resnet"
        assert list(point) == ["model", *(["model.tau/wide", "train.lr/low"] if wide else ["model.width/narrow"])]
        assert getattr(cfg.model, "tau" if wide else "width") == (8.0 if wide else 0.25)
        assert (cfg.train.lr == 1e-4) == wide, "a condition looks at the key, whatever its name in the space"


@pytest.mark.parametrize("smoke", [False, True])
@pytest.mark.parametrize("name", [name for name in names() if "search" in name])
def test_points_of_the_searches_that_ship_make_networks(name: str, smoke: bool) -> None:
    """A hundred draws of each, with every choice of every dimension among them."""
    config = load(Experiment, name, smoke=smoke)
    assert config.tune is not None
    base, rng = {**config.model_dump(mode="json"), "tune": None}, np.random.default_rng(0)
    drawn = [draw(config.tune.space, base, random_pick(rng)) for _ in range(100)]
    for point in drawn:
        apply(base, point)
    for key, dimension in config.tune.space.items():
        seen = [point[key] for point in drawn if key in point]
        assert seen, f"{key} is never searched"
        assert not isinstance(dimension, Choice) or all(value in seen for value in dimension.values)


def test_dimensions_are_read_from_yaml_data() -> None:
    read = TypeAdapter[Dimension](Dimension).validate_python({"kind": "int", "low": 1, "high": 3})
    assert read == Int(low=1, high=3)
