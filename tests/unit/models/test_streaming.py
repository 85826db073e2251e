import pytest
import torch
from torch import Tensor, nn

from models.streaming import (
    Chain,
    State,
    Stateful,
    StateSpec,
    advance,
    child,
    nest,
    reset_rows,
    scan,
    stack_rows,
    state_specs,
    take_rows,
)


class Sum(nn.Module):
    """A running sum [B, N] -> [B, N]."""

    def init_state(self, rows: int) -> State:
        return {"sum": torch.zeros(rows, 1), "count": torch.zeros(rows, dtype=torch.int64)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        y = x.cumsum(1) + state["sum"]
        return y, {"sum": y[:, -1:], "count": state["count"] + x.shape[1]}


class Double(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * x


def chain() -> Chain:
    return Chain(Sum(), Double(), Chain(Sum()))


def test_names_are_module_paths() -> None:
    assert list(chain().init_state(1)) == ["0.sum", "0.count", "2.0.sum", "2.0.count"]


def test_nest_and_child_are_inverse() -> None:
    state = chain().init_state(2)
    assert child("model", nest("model", state)).keys() == state.keys()
    assert child("mod", nest("model", state)) == {}


def test_specs_tell_shape_and_dtype_of_one_row() -> None:
    assert state_specs(Sum()) == [StateSpec("sum", (1,), "float32"), StateSpec("count", (), "int64")]


def test_scan_joins_chunks() -> None:
    x = torch.arange(12.0).reshape(2, 6)
    whole, state = scan(chain(), x, [6])
    parts, state_of_parts = scan(chain(), x, [1, 3, 2])
    assert torch.equal(parts, whole)
    assert torch.equal(whole, 2 * x.cumsum(1).cumsum(1))
    assert all(torch.equal(state_of_parts[name], value) for name, value in state.items())


def test_a_block_that_stands_twice_is_stepped_twice() -> None:
    double, both = Double(), Sum()
    x = torch.arange(6.0).reshape(1, 6)
    twice = Chain(double, both, double, both)
    assert list(twice.init_state(1)) == ["1.sum", "1.count", "3.sum", "3.count"]
    streamed, _ = scan(twice, x, [1, 3, 2])
    assert torch.equal(streamed, 4 * x.cumsum(1).cumsum(1))


def test_scan_wants_the_whole_signal_covered() -> None:
    with pytest.raises(AssertionError, match="chunks cover 2 of 3"):
        scan(chain(), torch.zeros(1, 3), [2])


def test_a_block_without_memory_is_just_called() -> None:
    assert isinstance(Sum(), Stateful)
    assert not isinstance(Double(), Stateful)
    y, state = advance(Double(), torch.ones(1, 1), {})
    assert (y.item(), state) == (2.0, {})


def test_rows_are_stacked_taken_and_reset() -> None:
    model = chain()
    _, three = scan(model, torch.tensor([[1.0], [2.0], [3.0]]), [1])
    assert take_rows(three, [2, 0])["0.sum"].flatten().tolist() == [3.0, 1.0]
    joined = stack_rows([take_rows(three, [1]), model.init_state(1), take_rows(three, [0])])
    assert joined["0.sum"].flatten().tolist() == [2.0, 0.0, 1.0]
    assert joined["0.count"].tolist() == [1, 0, 1]
    assert reset_rows(model, three, [0, 2])["2.0.sum"].flatten().tolist() == [0.0, 4.0, 0.0]
    assert three["2.0.sum"].flatten().tolist() == [2.0, 4.0, 6.0]
