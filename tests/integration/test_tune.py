"""[ray] Searches on a local Ray: limits, schedulers, lost processes, a killed driver."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from sonant.cluster.session import connect
from sonant.config.experiment import Experiment
from sonant.config.load import dump, load, names
from sonant.config.ray import RayConfig
from sonant.config.tune import Confirm
from sonant.errors import ConfigError, RunError
from sonant.track.events import read
from sonant.track.report import report
from sonant.train.run import open_run
from sonant.tune.rows import Row, Trial
from sonant.tune.search import SweepResult, search
from sonant.tune.sweep import Sweep, open_sweep

pytestmark = pytest.mark.timeout(600)

Make = Callable[..., Experiment]
SOUND_SEARCHES = [name for name in names() if name.startswith(("extract/", "enhance/")) and "search" in name]


@pytest.fixture(scope="module")
def _ray() -> Generator[None]:
    with connect(RayConfig(num_workers=2)):
        yield


def quiet(sweep: Sweep, row: Row) -> None:
    pass


def until(condition: Callable[[], bool], limit_s: float = 240.0) -> None:
    """Waits for a condition of another process."""
    over, pause = time.monotonic() + limit_s, threading.Event()
    while not condition():
        assert time.monotonic() < over, "waited in vain"
        pause.wait(0.05)


def metrics_of(result: SweepResult) -> list[tuple[Any, ...]]:
    return [(row["number"], row["state"], row["point"], row["metrics"], row["epochs"]) for row in result.table]


@pytest.mark.usefixtures("_ray")
def test_the_winner_keeps_the_limits_and_what_is_over_them_is_never_trained(searched: Make) -> None:
    told: list[int] = []
    cfg = searched(limits=[{"metric": "params", "max": 50_000}], concurrent=1)
    result = search(cfg, ended=lambda _, row: told.append(row.number) if isinstance(row, Trial) else None)
    table = json.loads((Path(result.path) / "sweep.json").read_text())
    assert result.table == table["trials"]
    by_state = {state: [row for row in result.table if row["state"] == state] for state in ("done", "rejected")}
    assert len(by_state["done"]) == 3
    assert [row["number"] for row in by_state["done"]] == told
    assert all(row["point"]["model.width"] == 0.25 and row["epochs"] == 2 for row in by_state["done"])
    assert all(row["point"]["model.width"] == 2.0 for row in by_state["rejected"])
    assert result.best["metrics"]["accuracy"] == max(row["metrics"]["accuracy"] for row in by_state["done"])
    assert result.best_run == f"{result.path}/trials/{result.best['number']}"
    trained = sorted(int(path.name) for path in (Path(result.path) / "trials").iterdir())
    assert trained == told
    assert not (Path(result.path) / "ray").exists(), "Ray's pickles are not kept"
    assert result.confirmed == []


@pytest.mark.usefixtures("_ray")
@pytest.mark.parametrize("name", SOUND_SEARCHES)
def test_smoke_set_of_a_search_for_sound(name: str, hums: str, tmp_path: Path) -> None:
    """Two trials, a winner within the limits, and a page that shows what quality costs."""
    overrides = [f"data.corpus={hums}", "data.split.kind=manifest", f"track.runs={tmp_path}", "track.wandb=off"]
    cfg = load(Experiment, name, overrides, smoke=True)
    assert cfg.tune is not None
    result = search(cfg, ended=quiet)
    assert len(result.table) == 2
    assert {row["state"] for row in result.table} <= {"done", "stopped"}, "halved at its last epoch"
    assert {*cfg.tune.pareto} <= {*result.best["costs"]}
    page = Path(report(result.path)).read_text(encoding="utf-8")
    assert all(f"si_sdri against {cost}" in page for cost in cfg.tune.pareto)
    if cfg.tune.confirm is not None:
        seeds_confirm(result, page, cfg.tune.confirm)


def seeds_confirm(result: SweepResult, page: str, confirm: Confirm) -> None:
    """The best trial was trained with other seeds; validation says which of those is taken on."""
    [best] = result.confirmed
    assert [*best["seeds"]] == list(range(1, confirm.seeds + 1))
    assert best["trial"] == result.best["number"]
    assert best["mean"]["si_sdri"] == pytest.approx(sum(best["seeds"].values()) / confirm.seeds)
    assert best["deviation"]["si_sdri"] > 0
    seed = max(best["seeds"], key=lambda seed: best["seeds"][seed])
    assert result.best_run == f"{result.path}/repeats/{best['trial']}-seed{seed}"
    run = open_run(result.best_run)
    assert (run.config.seed, run.config.data.split.seed) == (seed, 0)
    [end] = [event for event in read(run.path) if event["kind"] == "end"]
    assert end["best"]["si_sdri"] == best["seeds"][seed], "what is judged is validation"
    assert "With other seeds" in page
    assert search(open_sweep(result.path).config, resume=result.path, ended=quiet) == result, "nothing is left to do"


@pytest.mark.usefixtures("_ray")
def test_halving_stops_trials_and_the_rest_is_trained_to_the_end(searched: Make) -> None:
    space = {"train.lr": {"kind": "choice", "values": [1e-7, 0.02]}}
    scheduler = {"kind": "asha", "grace_epochs": 1, "reduction": 2}
    result = search(
        searched(train={"epochs": 4}, space=space, trials=6, scheduler=scheduler, concurrent=1), ended=quiet
    )
    epochs = {row["number"]: (row["state"], row["epochs"]) for row in result.table}
    assert any(state == "stopped" and done < 4 for state, done in epochs.values())
    assert all(done == 4 for state, done in epochs.values() if state == "done")
    assert result.best["point"] == {"train.lr": 0.02}


@pytest.mark.usefixtures("_ray")
def test_a_lost_process_changes_nothing(searched: Make) -> None:
    cfg = searched(train={"epochs": 6}, trials=2, concurrent=1)
    undisturbed = search(cfg, ended=quiet)

    killed: list[int] = []

    def kill() -> None:
        run = Path(cfg.track.runs) / "tones-search"

        def first_epoch_done() -> bool:
            found = [path for path in run.glob("*/trials/*/events.jsonl") if undisturbed.path not in str(path)]
            return any(event["kind"] == "checkpoint" for path in found for event in read(str(path.parent)))

        until(first_epoch_done)
        for pid in trial_processes():
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    killer = threading.Thread(target=kill)
    killer.start()
    disturbed = search(cfg, ended=quiet)
    killer.join()
    assert killed
    assert metrics_of(disturbed) == metrics_of(undisturbed)


def trial_processes() -> list[int]:
    """Trials of this very session: descendants of this process that carry a trial's name."""
    parents: dict[int, int] = {}
    trials: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status, name = (entry / "stat").read_text(), (entry / "cmdline").read_text()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry.name)] = int(status.rpartition(")")[2].split()[1])
            if name.startswith("ray::") and "ImplicitFunc" in name:
                trials.append(int(entry.name))

    def ours(pid: int) -> bool:
        while pid in parents:
            if pid == os.getpid():
                return True
            pid = parents[pid]
        return False

    return [pid for pid in trials if ours(pid)]


@pytest.mark.usefixtures("_ray")
def test_a_population_shares_weights_and_changes_only_what_may_change(searched: Make) -> None:
    space = {
        "train.lr": {"kind": "float", "low": 1e-6, "high": 0.05, "log": True},
        "model.width": {"kind": "choice", "values": [0.25]},
    }
    cfg = searched(
        train={"epochs": 4, "schedule": {"kind": "constant"}},
        space=space,
        trials=4,
        scheduler={"kind": "pbt", "every_epochs": 1, "mutate": ["train.lr"]},
        metric="loss",
        mode="min",
    )
    result = search(cfg, ended=quiet)
    assert [row["number"] for row in result.table] == [0, 1, 2, 3]
    changed = 0
    for row in result.table:
        assert (row["state"], row["epochs"], row["point"]["model.width"]) == ("done", 4, 0.25)
        rates = [event["lr"] for event in read(f"{result.path}/trials/{row['number']}") if event["kind"] == "step"]
        changed += rates[0] != rates[-1]
        assert all(1e-6 <= rate <= 0.05 for rate in rates)
    assert 0 < changed < 4, "the worst change their rate, the best keep theirs"
    losses = [row["metrics"]["loss"] for row in result.table]
    assert result.best["metrics"]["loss"] == min(losses)


def test_a_search_goes_on_after_its_driver_was_killed(searched: Make, tmp_path: Path) -> None:
    cfg = searched(train={"epochs": 8}, trials=3, concurrent=1)
    config = tmp_path / "search.yaml"
    config.write_text(dump(cfg))
    code = "import sys; from sonant.cli import main; sys.exit(main(['tune', sys.argv[1]]))"
    driver = subprocess.Popen([sys.executable, "-c", code, str(config)], stdout=subprocess.DEVNULL)
    folder = Path(cfg.track.runs) / "tones-search"

    def second_trial_is_under_way() -> bool:
        assert driver.poll() is None, "the search must not be over before it is killed"
        rows = [row for path in folder.glob("*/sweep.json") for row in json.loads(path.read_text())["trials"]]
        return any(row["state"] == "done" for row in rows) and any(
            row["state"] == "running" and 0 < row["epochs"] < 6 for row in rows
        )

    try:
        until(second_trial_is_under_way)
    finally:
        driver.kill()
        driver.wait()
    [path] = [str(found) for found in folder.iterdir()]
    before = open_sweep(path)
    [under_way] = [trial.number for trial in before.trials.values() if trial.state == "running"]
    finished = {n: trial for n, trial in before.trials.items() if trial.state == "done"}
    first = {n: read(before.run(n)) for n in finished}

    result = search(cfg, resume=path, ended=quiet)
    assert [row["state"] for row in result.table] == ["done"] * 3
    after = open_sweep(path)
    assert {n: after.trials[n] for n in finished} == finished, "what was done is not done again"
    assert {n: read(after.run(n)) for n in finished} == first
    starts = [event for event in read(after.run(under_way)) if event["kind"] == "start"]
    assert len(starts) == 2
    assert starts[1]["step"] > 0, "goes on where it was"


@pytest.mark.usefixtures("_ray")
def test_a_search_can_go_on_for_more_trials(searched: Make) -> None:
    first = search(searched(trials=1), ended=quiet)
    more = search(searched(trials=2), resume=first.path, ended=quiet)
    assert more.path == first.path
    assert metrics_of(more)[0] == metrics_of(first)[0]
    assert len(more.table) == 2


@pytest.mark.usefixtures("_ray")
def test_a_search_without_a_winner_says_why(searched: Make) -> None:
    with pytest.raises(RunError, match=r"none of 1 trials gave a accuracy within the limits"):
        search(searched(trials=1, limits=[{"metric": "accuracy", "min": 1.1}]), ended=quiet)


@pytest.mark.usefixtures("_ray")
def test_mistakes_in_the_space_come_as_they_are(searched: Make) -> None:
    with pytest.raises(ConfigError, match="did you mean width"):
        search(searched(space={"model.widht": {"kind": "float", "low": 0.5, "high": 1}}), ended=quiet)


def test_trials_are_single_processes(searched: Make) -> None:
    cfg = searched()
    with pytest.raises(ConfigError, match=r"ray\.num_workers = 2 in a search"):
        search(cfg.model_copy(update={"ray": RayConfig(num_workers=2)}))
