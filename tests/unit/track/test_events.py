"""events.jsonl: appended to, read while written, whole after a kill."""

import json
from pathlib import Path

import pytest

from sonant.track import events, files
from sonant.track.events import EventLog, EventTail


@pytest.fixture(params=["disk", "file_url", "memory"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {"disk": str(tmp_path), "file_url": f"file://{tmp_path}", "memory": f"memory://{tmp_path.name}"}[
        request.param
    ]


def test_events_come_back_in_order_with_their_time(run: str) -> None:
    log = EventLog(run)
    log({"kind": "step", "step": 1, "loss": 0.25})
    log({"kind": "epoch", "step": 1, "metrics": {"accuracy": 1.0}})
    log.close()
    step, epoch = events.read(run)
    assert (step["kind"], step["loss"], epoch["metrics"]) == ("step", 0.25, {"accuracy": 1.0})
    assert 1.7e9 < step["time"] <= epoch["time"]


def test_a_log_is_continued(run: str) -> None:
    for number in range(3):
        log = EventLog(run)
        log({"kind": "epoch", "number": number})
        log.close()
    assert [event["number"] for event in events.read(run)] == [0, 1, 2]


def test_half_a_line_of_a_killed_writer_is_dropped(run: str) -> None:
    path = files.join(run, events.FILE)
    files.write_bytes(path, b'{"kind": "epoch", "number": 0}\n{"kind": "epo')
    assert [event["number"] for event in events.read(run)] == [0]
    log = EventLog(run)
    log({"kind": "epoch", "number": 1})
    log.close()
    assert [json.loads(line)["number"] for line in files.read_bytes(path).splitlines()] == [0, 1]


def test_a_tail_gives_each_event_once(run: str) -> None:
    tail = EventTail(run)
    assert tail.new() == []
    log = EventLog(run)
    log({"kind": "epoch", "number": 0})
    assert [event["number"] for event in tail.new()] == [0]
    assert tail.new() == []
    log({"kind": "epoch", "number": 1})
    log({"kind": "epoch", "number": 2})
    assert [event["number"] for event in tail.new()] == [1, 2]
    late = EventTail(run, from_start=False)
    log({"kind": "epoch", "number": 3})
    assert [event["number"] for event in late.new()] == [3]
    log.close()


def test_an_object_store_is_written_at_all_events_but_steps(tmp_path: Path) -> None:
    log = EventLog(f"memory://{tmp_path.name}")
    log({"kind": "step", "step": 1})
    assert events.read(f"memory://{tmp_path.name}") == []
    log({"kind": "checkpoint", "step": 1})
    assert [event["kind"] for event in events.read(f"memory://{tmp_path.name}")] == ["step", "checkpoint"]
    log.close()


def test_numbers_that_json_does_not_know_become_null(tmp_path: Path) -> None:
    log = EventLog(str(tmp_path))
    log({"kind": "epoch", "loss": float("nan"), "norm": float("inf"), "metrics": {"ece": float("nan")}, "few": (1.5,)})
    log.close()
    (event,) = events.read(str(tmp_path))
    assert (event["loss"], event["norm"], event["metrics"], event["few"]) == (None, None, {"ece": None}, [1.5])


def test_history_keeps_what_led_to_now() -> None:
    def steps(*numbers: int) -> list[events.Event]:
        return [{"kind": "step", "step": number} for number in numbers]

    log = [
        {"kind": "start", "step": 0}, *steps(1, 2), {"kind": "checkpoint", "step": 2}, *steps(3, 4),
        {"kind": "start", "step": 2}, *steps(3, 4), {"kind": "end", "step": 4},
        {"kind": "start", "step": 4}, {"kind": "end", "step": 4},
    ]  # fmt: skip
    kept = [(event["kind"], event["step"]) for event in events.history(log)]
    assert [step for kind, step in kept if kind == "step"] == [1, 2, 3, 4]
    assert [kind for kind, _ in kept].count("end") == 1
    assert kept[-1] == ("end", 4)
