import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonant.data.mix.layout import lay_out


@given(
    longest=st.integers(100, 10**6),
    before=st.lists(st.booleans(), max_size=4),
    overlap=st.floats(0, 1),
    window=st.none() | st.integers(300, 10**6),
)
def test_every_other_voice_shares_just_so_much(longest, before, overlap, window) -> None:
    length, begins, samples = lay_out(longest, before, overlap, window)
    assert 0 < length <= longest
    assert window is None or samples <= window
    assert min(begins) == 0
    assert max(begins) + length == samples
    for early, begin in zip(before, begins[1:], strict=True):
        shared = length - abs(begin - begins[0])
        assert shared / length == pytest.approx(overlap, abs=1.001 / length)
        assert (begin <= begins[0]) if early else (begin >= begins[0])


def test_the_window_is_filled() -> None:
    assert lay_out(10**6, [True], 1.0, 1000) == (1000, (0, 0), 1000)
    assert lay_out(10**6, [True], 0.0, 1000) == (500, (500, 0), 1000)
    assert lay_out(10**6, [True, False], 0.5, 1000) == (500, (250, 0, 500), 1000)
    assert lay_out(10**6, [], 0.3, 1000) == (1000, (0,), 1000)
    assert lay_out(400, [False], 1.0, None) == (400, (0, 0), 400)
