import threading
from collections.abc import Iterator

import pytest

from sonant.data.prefetch import prefetch


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "sonant-prefetch"]


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_gives_the_same_items_in_order(depth: int) -> None:
    assert list(prefetch(iter(range(50)), depth)) == list(range(50))
    assert list(prefetch(iter(()), depth)) == []
    assert threads() == []


@pytest.mark.parametrize("depth", [1, 3])
def test_makes_no_more_than_depth_ahead(depth: int) -> None:
    made: list[int] = []
    full = threading.Event()

    def items() -> Iterator[int]:
        for number in range(20):
            made.append(number)
            if len(made) == depth + 1:
                full.set()
            yield number

    reader = prefetch(items(), depth)
    assert next(reader) == 0
    # One was taken, so one more than `depth` can be made, but never two more: the maker waits.
    assert full.wait(10)
    assert next(reader) == 1
    assert len(made) <= depth + 2
    reader.close()


def test_errors_reach_the_reader_after_the_good_items() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("disk")

    reader = prefetch(items(), 2)
    assert next(reader) == 1
    with pytest.raises(OSError, match="disk"):
        next(reader)
    assert threads() == []


def test_leaving_early_ends_the_thread_and_closes_the_source() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    reader = prefetch(items(), 2)
    next(reader)
    reader.close()
    assert threads() == []
    assert closed.is_set()


def test_the_source_is_touched_by_one_thread_only() -> None:
    seen: set[int] = set()

    def items() -> Iterator[int]:
        for number in range(5):
            seen.add(threading.get_ident())
            yield number

    list(prefetch(items(), 2))
    assert len(seen) == 1
    assert threading.get_ident() not in seen
