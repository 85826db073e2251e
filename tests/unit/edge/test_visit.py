"""What is noted of a request: in any task and thread that works for it, and for no other."""

from __future__ import annotations

import asyncio

import pytest

from sonant.edge import visit


def test_stages_belong_to_the_visit_that_is_here() -> None:
    async def work(name: visit.Stage) -> visit.Visit:
        with visit.entered() as here:
            await asyncio.sleep(0)
            with visit.stage(name):
                await asyncio.to_thread(visit.here().note, "answer", 0.0, 2.0)
            return here

    async def both() -> list[visit.Visit]:
        return await asyncio.gather(work("decode"), work("graph"))

    one, other = asyncio.run(both())
    assert {timed.stage for timed in one.stages} == {"answer", "decode"}
    assert {timed.stage for timed in other.stages} == {"answer", "graph"}
    assert one.spent("answer") == 2.0
    assert one.spent("queue") is None


def test_without_a_visit_nothing_is_kept() -> None:
    with visit.stage("decode"):
        pass
    assert visit.here().stages == []


def test_an_inner_layer_joins_the_visit_of_the_outer_one() -> None:
    with visit.entered(visit.Visit("a")) as outer:
        with visit.entered() as inner:
            assert inner is outer
        assert visit.here() is outer
    assert visit.here() is not outer


def test_a_stage_that_fails_is_timed_too() -> None:
    with visit.entered() as here:
        with pytest.raises(KeyError), visit.stage("decode"):
            raise KeyError
        assert [timed.stage for timed in here.stages] == ["decode"]


def test_stages_in_turns_share_the_time() -> None:
    with visit.entered() as here:
        lap = visit.Lap()
        assert list(lap.inside([1, 2])) == [1, 2]
        lap.note("decode", "graph")
    decode_s, graph_s = here.spent("decode"), here.spent("graph")
    assert decode_s is not None
    assert graph_s is not None
    assert decode_s > 0
    assert graph_s > 0
    assert decode_s + graph_s <= here.age_s
