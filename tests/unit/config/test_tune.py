from typing import Any

import pytest

from sonant.config.load import check
from sonant.config.tune import TuneConfig
from sonant.errors import ConfigError

SPACE: dict[str, Any] = {
    "train.lr": {"kind": "float", "low": 0.1, "high": 1},
    "model.tau": {"kind": "choice", "values": [1]},
}


@pytest.mark.parametrize(
    ("tune", "message"),
    [
        ({"space": {}}, "at least 1"),
        ({"space": {"a": {"kind": "float", "low": 2, "high": 1}}}, "low = 2.0 is above high = 1.0"),
        ({"space": {"a": {"kind": "int", "low": 0, "high": 1, "log": True}}}, "must be above 0"),
        ({"space": {"a": {"kind": "choice", "values": []}}}, "at least 1"),
        ({"space": SPACE, "limits": [{"metric": "params"}]}, "set max, min or both"),
        ({"space": SPACE, "pareto": ["price"]}, "latency_ms"),
        ({"space": SPACE, "scheduler": {"kind": "pbt", "mutate": ["train.clip_norm"]}}, "the space does not hold"),
        ({"space": SPACE, "scheduler": {"kind": "pbt", "mutate": ["model.tau"]}}, "cannot change while a trial runs"),
        ({"space": SPACE, "scheduler": {"kind": "pbt", "mutate": ["train.weight_decay"]}}, "cannot change"),
        ({"space": SPACE, "confirm": {"seeds": 1}}, "greater than or equal to 2"),
        ({"space": SPACE, "confirm": {"best": 3}, "trials": 2}, "confirm.best = 3 of 2 trials"),
        ({"space": SPACE, "confirm": {"among": "pareto"}}, "'all' or 'front'"),
        ({"space": SPACE, "confirm": {}, "scheduler": {"kind": "pbt"}}, "no config to repeat"),
        ({"space": {"seed": SPACE["train.lr"]}, "confirm": {}}, "the space holds seed"),
    ],
)
def test_mistakes_are_told(tune: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(TuneConfig, tune)


def test_what_training_reads_anew_may_mutate() -> None:
    space = {key: {"kind": "float", "low": 0.1, "high": 1} for key in ("train.lr", "data.augment.noise_p", "task.x")}
    tune: TuneConfig = check(TuneConfig, {"space": space, "scheduler": {"kind": "pbt", "mutate": list(space)}})
    assert tune.scheduler.kind == "pbt"
