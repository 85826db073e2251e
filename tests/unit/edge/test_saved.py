"""Records of live sessions: what is put away is what comes back."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.edge.saved import pack, unpack


def test_a_tree_comes_back_as_it_was() -> None:
    arrays = {
        "one number": np.array(3.5, np.float32),
        "none": np.zeros((0, 2), np.float32),
        "backwards": np.arange(6, dtype=np.int64)[::-1],
        "flags": np.array([True, False]),
    }
    record = {"number": 2, "state": {"inner": arrays}, "start": {"type": "start", "dry": 0.5}}
    back = unpack(pack(record))
    assert (back["number"], back["start"]) == (record["number"], record["start"])
    for name, value in arrays.items():
        given = back["state"]["inner"][name]
        assert (given.dtype, given.shape) == (value.dtype, value.shape)
        np.testing.assert_array_equal(given, value)


@pytest.mark.parametrize("data", [b"", b"not a record", pack({"a": 1})[:-1]])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no record"):
        unpack(data)
