"""Trees of tensors and values survive being taken apart, through JSON."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sonant.train.tree import flatten, unflatten

keys = st.text(max_size=4) | st.integers(-3, 3)
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3)
)
trees = st.recursive(
    leaves,
    lambda below: st.lists(below, max_size=3)
    | st.tuples(below, below)
    | st.dictionaries(keys, below, max_size=3)
    | st.dictionaries(st.sampled_from(["$tensor", "$tuple", "$items"]), below, max_size=2),
    max_leaves=12,
)


@given(trees)
def test_values_come_back_as_they_were(tree: object) -> None:
    tensors, rest = flatten(tree)
    assert tensors == {}
    back = unflatten(tensors, json.loads(json.dumps(rest)))
    assert back == tree
    assert repr(back) == repr(tree)  # 1, 1.0 and True are equal, but not the same


def test_tensors_are_named_by_their_path() -> None:
    tree = {"state": {0: {"step": torch.tensor(3.0)}, 1: (torch.ones(2), 5)}}
    tensors, rest = flatten(tree)
    assert sorted(tensors) == ["state/0/step", "state/1/0"]
    back = unflatten(tensors, json.loads(json.dumps(rest)))
    assert torch.equal(back["state"][0]["step"], torch.tensor(3.0))
    assert torch.equal(back["state"][1][0], torch.ones(2))
    assert back["state"][1][1] == 5


def test_two_tensors_never_share_a_name() -> None:
    tree = {"a/b": torch.tensor(1.0), "a": {"b": torch.tensor(2.0)}, 1: torch.tensor(3.0), "1": torch.tensor(4.0)}
    tensors, rest = flatten(tree)
    back = unflatten(tensors, json.loads(json.dumps(rest)))
    assert [float(back["a/b"]), float(back["a"]["b"]), float(back[1]), float(back["1"])] == [1.0, 2.0, 3.0, 4.0]


def test_other_things_are_refused() -> None:
    with pytest.raises(AssertionError, match="a/0 is a set"):
        flatten({"a": [{1, 2}]})
