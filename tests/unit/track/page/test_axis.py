import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.track.page.axis import Axis, spanning


def test_ends_are_where_they_should_be() -> None:
    axis = Axis(0, 10, 100, 0)
    assert [axis.at(value) for value in (0, 5, 10)] == [100, 50, 0]
    log = Axis(0.001, 0.1, 0, 100, log=True)
    assert log.at(0.01) == pytest.approx(50)


def test_ticks_are_round() -> None:
    assert Axis(0, 1, 0, 1).ticks() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert Axis(0.93, 0.99, 0, 1).ticks(3) == pytest.approx([0.94, 0.96, 0.98])
    assert Axis(0.0009, 0.11, 0, 1, log=True).ticks() == pytest.approx([0.001, 0.01, 0.1])
    assert Axis(2, 5, 0, 1, log=True).ticks() == pytest.approx([2, 5])


@given(values=st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), max_size=8), log=st.booleans(), zero=st.booleans())
def test_everything_finite_is_inside_the_picture(values: list[float], log: bool, zero: bool) -> None:
    axis = spanning(values, 0.0, 100.0, log=log, zero=zero)
    assert axis.low < axis.high
    shown = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    assert all(-1e-6 <= axis.at(value) <= 100 + 1e-6 for value in shown)
    assert all(-1e-6 <= axis.at(tick) <= 100 + 1e-6 for tick in axis.ticks())


def test_from_zero() -> None:
    assert spanning([1.0, 2.0], 0, 1, zero=True).low == 0.0
    assert spanning([], 0, 1).ticks()
