from collections.abc import Callable

from sonant.config.experiment import Experiment
from sonant.tune.report import again, confirmed, line, no_winner, short, words
from sonant.tune.rows import Repeat, Trial
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


def test_what_other_seeds_say(searched: Callable[..., Experiment]) -> None:
    limits = [{"metric": "accuracy", "min": 0.1}]
    sweep = create_sweep(searched(confirm={"seeds": 2}, limits=limits))
    sweep.record(Trial(number=3, state="done", point={}, metrics={"accuracy": 0.9}))
    sweep.begin(sweep.left())
    one, two = (Repeat(trial=3, seed=seed, state="done", metrics={"accuracy": 0.2 * seed}) for seed in (1, 2))
    sweep.record(one)
    assert again(sweep, one) == "trial 3 with seed 1 done (1/2)  accuracy 0.2"
    sweep.record(two)
    assert again(sweep, two) == (
        "trial 3 with seed 2 done (2/2)  accuracy 0.4  mean 0.3 deviation 0.1414 (0.2 0.4), in the search 0.9"
    )
    [told] = confirmed(sweep)
    assert (told["trial"], told["in_search"], told["seeds"]) == (3, 0.9, {1: 0.2, 2: 0.4})
    poor = one.model_copy(update={"metrics": {"accuracy": -2.0}})
    sweep.record(poor)
    assert sweep.winner() is None
    assert no_winner(sweep) == (
        "none of 1 configs gave a accuracy within the limits over all its seeds: accuracy -0.8 < 0.1"
    )
    failed = two.model_copy(update={"state": "failed", "note": "the loss is nan"})
    sweep.record(failed)
    assert again(sweep, failed).startswith("trial 3 with seed 2 failed (2/2)")
    assert no_winner(sweep).endswith("the loss is nan")
