"""What a sweep's page says of its best configs with other seeds."""

from typing import Any

from sonant.track.repeats_page import repeats_section, winning_mean


def seed(trial: int, number: int, accuracy: float | None, **others: Any) -> dict[str, Any]:
    metrics = {} if accuracy is None else {"accuracy": accuracy}
    return {"trial": trial, "seed": number, "state": "done", "metrics": metrics, "note": "", **others}


def confirmed(trial: int, accuracy: float, **others: Any) -> dict[str, Any]:
    mean, deviation = {"accuracy": accuracy, "params": 400.0}, {"accuracy": 0.0321}
    return {
        "trial": trial,
        "complete": True,
        "mean": mean,
        "deviation": deviation,
        "over": [],
        "seeds": [1, 2],
        **others,
    }


FOUND: dict[str, Any] = {
    "metric": "accuracy",
    "pareto": ["params"],
    "best": 2,
    "best_run": "repeats/2-seed1",
    "trials": [{"number": 1, "metrics": {"accuracy": 0.91}}, {"number": 2, "metrics": {"accuracy": 0.9}}],
    "repeats": [seed(1, 1, 0.51), seed(1, 2, None, state="failed", note="<nan>"), seed(2, 1, 0.63), seed(2, 2, 0.61)],
    "confirmed": [confirmed(2, 0.62), confirmed(1, 0.51, complete=False, over=["params 400 > 300"])],
}


def test_each_config_is_told_with_mean_deviation_and_every_seed() -> None:
    text = repeats_section(FOUND)
    assert "<h2>With other seeds</h2>" in text
    best, other = text.split("<tbody>")[1].split("</tr>")[:2]
    assert "marked" in best
    assert all(part in best for part in (">0.9<", ">0.62<", ">0.0321<", ">400<", "1: 0.63, 2: 0.61"))
    assert "marked" not in other
    assert "params 400 &gt; 300; seed 2 failed &lt;nan&gt;" in other


def test_the_mean_wins_once_a_run_of_a_seed_is_the_best() -> None:
    assert winning_mean(FOUND) == FOUND["confirmed"][0]
    assert winning_mean({**FOUND, "best_run": "trials/2"}) is None
    assert winning_mean({"best": 2}) is None, "a sweep of an earlier version"


def test_nothing_is_said_where_nothing_was_confirmed() -> None:
    assert repeats_section({}) == ""
