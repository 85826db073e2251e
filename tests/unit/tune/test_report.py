from collections.abc import Callable

from sonant.config.experiment import Experiment
from sonant.tune.report import line, short, words
from sonant.tune.rows import Trial
from sonant.tune.sweep import create_sweep


def test_numbers_are_short() -> None:
    assert [short(n) for n in (0.91234, 12.0, 1234.0, 2_437_925.0, 3e9)] == ["0.9123", "12", "1.23k", "2.44M", "3G"]


def test_a_point_reads_like_overrides() -> None:
    point = {"train.lr": 0.00412345, "model": {"kind": "x"}, "model.kind": "y", "n": 3}
    assert words(point) == 'train.lr=0.004123 model={"kind": "x"} model.kind=y n=3'


def test_a_line_says_what_became_of_a_trial_and_who_leads(searched: Callable[..., Experiment]) -> None:
    sweep = create_sweep(searched())
    done = Trial(number=0, state="done", point={"n": 1}, costs={"macs_per_s": 2e6}, metrics={"accuracy": 0.5})
    sweep.record(done)
    assert line(sweep, done) == (
        "trial 0 done (1/3)  accuracy 0.5 macs_per_s 2M  n=1  best so far: 0 (accuracy 0.5 macs_per_s 2M)"
    )
    failed = Trial(number=1, state="failed", point={}, note="the loss is nan")
    sweep.record(failed)
    assert "trial 1 failed (2/3)  the loss is nan" in line(sweep, failed)
