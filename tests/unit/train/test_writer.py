"""One process writes to a run."""

from collections.abc import Callable

import pytest
import torch

from sonant.config.experiment import Experiment
from sonant.errors import RunError
from sonant.track import events
from sonant.train import checkpoint
from sonant.train.checkpoint import Checkpoint
from sonant.train.run import create_run
from sonant.train.writer import Writer


def made(step: int) -> Checkpoint:
    return Checkpoint({"w": torch.tensor(step)}, {"progress": {"step": step}})


def test_a_writer_that_was_replaced_writes_no_more_checkpoints(config: Callable[..., Experiment]) -> None:
    run = create_run(config())
    seen: list[events.Event] = []
    first = Writer(run, seen.append)
    first.save("last", made(1))
    second = Writer(run, None)
    second.save("last", made(2))
    with pytest.raises(RunError, match="another process has taken over"):
        first.save("last", made(1))
    second.save("best", made(3))
    first.close()
    second.close()
    assert seen == [{"kind": "checkpoint", "which": "last", "step": 1}]
    assert [(event["which"], event["step"]) for event in events.read(run.path)] == [
        ("last", 1),
        ("last", 2),
        ("best", 3),
    ]
    assert checkpoint.load(run.checkpoint("last")).state["progress"]["step"] == 2
