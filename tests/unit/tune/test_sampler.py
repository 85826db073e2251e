from typing import Any

from sonant.config.tune import Choice, Float, Int, TuneConfig
from sonant.tune.sampler import Sampler
from sonant.tune.space import Point

BASE: dict[str, Any] = {"kind": "none"}


def settings(searcher: str = "tpe", seed: int = 0) -> TuneConfig:
    return TuneConfig.model_validate(
        {
            "space": {
                "kind": Choice(values=("a", {"section": [1, 2]})).model_dump(),
                "x": Float(low=0.0, high=1.0, when={"kind": ("a",)}).model_dump(),
                "n": Int(low=1, high=64, log=True).model_dump(),
            },
            "searcher": searcher,
            "seed": seed,
        }
    )


def value(point: Point) -> float:
    """Best at kind=a, x=0.8."""
    return 1.0 - abs(point["x"] - 0.8) if point["kind"] == "a" else 0.1


def run(sampler: Sampler, count: int) -> list[Point]:
    tried: list[Point] = []
    for _ in range(count):
        asked, point = sampler.ask()
        sampler.tell(asked, value(point))
        tried.append(point)
    return tried


def test_points_follow_the_space() -> None:
    for point in run(Sampler(settings(), BASE), 20):
        assert point["kind"] in ("a", {"section": [1, 2]})
        assert ("x" in point) == (point["kind"] == "a")
        assert isinstance(point["n"], int)


def test_the_same_seed_gives_the_same_points() -> None:
    assert run(Sampler(settings(), BASE), 15) == run(Sampler(settings(), BASE), 15)
    assert run(Sampler(settings(), BASE), 5) != run(Sampler(settings(seed=1), BASE), 5)
    assert run(Sampler(settings(), BASE), 5) != run(Sampler(settings(), BASE, told=3), 5)


def test_tpe_goes_where_it_is_good() -> None:
    guided, blind = (run(Sampler(settings(searcher), BASE), 80)[40:] for searcher in ("tpe", "random"))
    assert sum(map(value, guided)) > sum(map(value, blind)) + 5


def test_what_was_known_is_as_good_as_what_was_asked() -> None:
    first = run(Sampler(settings(), BASE), 40)
    sampler = Sampler(settings(), BASE, told=len(first))
    for point in first:
        sampler.remember(point, value(point))
    sampler.remember({"kind": {"section": [1, 2]}, "n": 3}, None)
    blind = run(Sampler(settings("random"), BASE), 20)
    assert sum(map(value, run(sampler, 20))) > sum(map(value, blind)) + 3


def test_a_failed_point_is_no_obstacle() -> None:
    sampler = Sampler(settings(), BASE)
    asked, _ = sampler.ask()
    sampler.tell(asked, None)
    assert len(run(sampler, 3)) == 3
