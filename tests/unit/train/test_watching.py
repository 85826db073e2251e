"""Following a run that another process writes."""

from collections.abc import Callable

import pytest

from sonant.config.experiment import Experiment
from sonant.track.events import Event, EventLog
from sonant.train.run import create_run
from sonant.train.watching import following, watchers

Config = Callable[..., Experiment]


def test_every_new_event_is_told_by_the_end_of_the_block(config: Config) -> None:
    run, seen = create_run(config()), list[Event]()
    log = EventLog(run.path)
    log({"kind": "step", "step": 1})
    with following(run, seen.append):
        log({"kind": "step", "step": 2})
        log({"kind": "end", "step": 3})
    log.close()
    assert [event["step"] for event in seen] == [2, 3]


def test_a_watcher_that_fails_fails_the_block(config: Config) -> None:
    run = create_run(config())
    log = EventLog(run.path)

    def broken(event: Event) -> None:
        raise OSError(event["kind"])

    with pytest.raises(OSError, match="step"), following(run, broken):
        log({"kind": "step", "step": 1})
    log.close()


def test_the_failure_of_the_block_comes_first(config: Config) -> None:
    run = create_run(config())
    with pytest.raises(KeyError), following(run, lambda _event: None):
        raise KeyError


def test_a_caller_with_its_own_report_gets_no_progress_line(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    run, seen = create_run(config()), list[Event]()
    event = {"kind": "end", "status": "failed", "message": "why", "best": {}, "test": {}}
    with watchers(run, seen.append) as tell:
        tell(event)
    assert (seen, capsys.readouterr().err) == ([event], "")
    with watchers(run, None) as tell:
        tell(event)
    assert capsys.readouterr().err == "failed: why\n"
