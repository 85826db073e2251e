"""The loop: exact continuation, precision, schedules, early stop, divergence, several processes."""

import json
import math
import random
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from sonant.errors import RunError
from sonant.train import checkpoint, loop
from sonant.train.place import Place

PLATEAU = {"kind": "plateau", "patience_epochs": 0, "factor": 0.5}
VARIANTS = {
    "plain": {"checkpoint_every_steps": 1},
    "average": {"checkpoint_every_steps": 1, "ema_decay": 0.9},
    "plateau": {"checkpoint_every_steps": 4, "schedule": PLATEAU, "metric": "loss", "mode": "min", "lr": 0.3},
    "half": {"checkpoint_every_steps": 1, "precision": "fp16"},
    "long_windows": {"checkpoint_every_steps": 3, "long": True},
    "epochs_only": {"ema_decay": 0.9, "schedule": {"kind": "constant"}},
}


@pytest.mark.parametrize("name", VARIANTS)
def test_a_run_continued_at_any_moment_is_the_undisturbed_run_bit_for_bit(
    tiny: ModuleType, tmp_path: Path, name: str
) -> None:
    settings = {**VARIANTS[name]}
    # Batches of one: 26 steps an epoch, reported in windows of two (and batch norm has nothing to work on).
    shape = {"size": 1, "hard": False} if settings.pop("long", False) else {}
    cfg = tiny.experiment(epochs=4, **settings)
    whole = tiny.run(cfg, tmp_path / "whole", **shape)
    moments = range(1, len(whole.events) + len(whole.saved) + 1)
    for stop_at in random.Random(name).sample(moments, 6):
        folder = tmp_path / f"cut{stop_at}"
        with pytest.raises(tiny.Stopped):
            tiny.run(cfg, folder, **shape, stop_at=stop_at)
        saved = checkpoint.exists(str(folder / "last"))
        rest = tiny.run(cfg, folder, **shape, start="last" if saved else None)
        assert rest.losses() == whole.losses()[len(whole.losses()) - len(rest.losses()) :]
        assert rest.summary.progress == whole.summary.progress
        assert rest.weights.keys() == whole.weights.keys()
        assert all(torch.equal(rest.weights[key], whole.weights[key]) for key in whole.weights)
        best = [checkpoint.load_weights(str(at / "best")) for at in (folder, tmp_path / "whole")]
        assert all(torch.equal(best[0][key], best[1][key]) for key in best[0])


def test_the_best_checkpoint_is_never_behind_what_the_last_one_knows(tiny: ModuleType, tmp_path: Path) -> None:
    cfg = tiny.experiment(epochs=2, metric="loss", mode="min", lr=0.02)
    whole = tiny.run(cfg, tmp_path / "whole", hard=False)
    assert whole.summary.progress.best_epoch == 2
    for stop_at in range(1, len(whole.events) + len(whole.saved) + 1):  # every moment there is
        folder = tmp_path / f"cut{stop_at}"
        with pytest.raises(tiny.Stopped):
            tiny.run(cfg, folder, hard=False, stop_at=stop_at)
        tiny.run(cfg, folder, hard=False, start="last" if checkpoint.exists(str(folder / "last")) else None)
        best = [checkpoint.load_weights(str(at / "best")) for at in (folder, tmp_path / "whole")]
        assert all(torch.equal(best[0][key], best[1][key]) for key in best[1]), stop_at


def test_each_epoch_is_asked_for_by_its_number(tiny: ModuleType, tmp_path: Path) -> None:
    cfg = tiny.experiment(epochs=3, checkpoint_every_steps=2)
    assert tiny.run(cfg, tmp_path / "whole").asked == [(0, 0), (1, 0), (2, 0)]
    # The first epoch is 6 steps, 2 checkpoints inside it, its end, best and last; then 2 steps and a checkpoint.
    with pytest.raises(tiny.Stopped):
        tiny.run(cfg, tmp_path / "cut", stop_at=6 + 2 + 3 + 3)
    assert tiny.run(cfg, tmp_path / "cut", start="last").asked == [(1, 2), (2, 0)]


def test_a_continued_run_of_other_shape_is_refused(tiny: ModuleType, tmp_path: Path) -> None:
    tiny.run(tiny.experiment(epochs=1), tmp_path)
    with pytest.raises(RunError, match="not the same steps") as caught:
        tiny.run(tiny.experiment(epochs=2), tmp_path, size=5, start="last")
    assert caught.value.code == "run.failed"


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_it_learns_in_every_precision(tiny: ModuleType, tmp_path: Path, precision: str) -> None:
    cfg = tiny.experiment(epochs=12, precision=precision, lr=0.02, metric="loss", mode="min")
    outcome = tiny.run(cfg, tmp_path, hard=False)
    losses = [loss for _, loss in outcome.losses()]
    assert losses[-1] < 0.5 * losses[0]
    assert {value.dtype for value in outcome.weights.values()} == {torch.float32}
    assert outcome.summary.status == "done"


def test_autocast_is_really_on(tiny: ModuleType, tmp_path: Path) -> None:
    outcomes = [tiny.run(tiny.experiment(epochs=1, precision=kind), tmp_path / kind) for kind in ("fp32", "bf16")]
    full, half = (outcome.losses()[0][1] for outcome in outcomes)
    assert full != half
    assert full == pytest.approx(half, rel=0.05)


def test_the_best_epoch_is_kept_and_patience_ends_the_run(tiny: ModuleType, tmp_path: Path) -> None:
    # With a rate of next to nothing no epoch is better than the first.
    cfg = tiny.experiment(epochs=9, patience_epochs=2, lr=1e-12)
    outcome = tiny.run(cfg, tmp_path, hard=False)
    assert outcome.summary.status == "stopped_early"
    assert (outcome.summary.progress.epoch, outcome.summary.progress.best_epoch) == (3, 1)
    assert outcome.saved == [("best", 6), ("last", 6), ("last", 12), ("last", 18)]
    again = tiny.run(cfg, tmp_path, hard=False, start="last")
    assert (again.events, again.summary.status) == ([], "stopped_early")


def test_a_plateau_lowers_the_rate(tiny: ModuleType, tmp_path: Path) -> None:
    cfg = tiny.experiment(epochs=4, schedule={**PLATEAU, "patience_epochs": 1}, lr=1e-12)
    outcome = tiny.run(cfg, tmp_path, hard=False)
    rates = {event["epoch"]: event["lr"] for event in outcome.events if event["kind"] == "step"}
    assert rates == {1: 1e-12, 2: 1e-12, 3: 1e-12, 4: 0.5e-12}


def test_a_loss_that_is_no_number_ends_the_run_before_it_is_saved(tiny: ModuleType, tmp_path: Path) -> None:
    cfg = tiny.experiment(epochs=20, lr=1e30, clip_norm=None, checkpoint_every_steps=1)
    with pytest.raises(RunError, match="at step") as caught:
        tiny.run(cfg, tmp_path)
    assert caught.value.code == "run.diverged"
    kept = checkpoint.load(str(tmp_path / "last"))
    assert math.isfinite(kept.state["progress"]["loss_sum"])


def test_norms_and_biases_do_not_decay(tiny: ModuleType) -> None:
    net = tiny.Net()
    groups = loop.make_optimizer(net, tiny.experiment(weight_decay=0.1).train).param_groups
    decays = {id(parameter): group["weight_decay"] for group in groups for parameter in group["params"]}
    assert {name: decays[id(p)] for name, p in net.named_parameters()} == {
        "layers.0.weight": 0.1, "layers.0.bias": 0.0,
        "layers.1.weight": 0.0, "layers.1.bias": 0.0,
        "layers.4.weight": 0.1, "layers.4.bias": 0.0,
    }  # fmt: skip


def test_gradients_are_clipped_and_their_norm_is_told(tiny: ModuleType, tmp_path: Path) -> None:
    free, tight = (tiny.run(tiny.experiment(epochs=1, clip_norm=norm), tmp_path / str(norm)) for norm in (None, 1e-3))
    norms = [[event["grad_norm"] for event in run.events if event["kind"] == "step"] for run in (free, tight)]
    assert norms[0][0] == norms[1][0] > 1e-3  # told before it is clipped
    assert norms[0][1:] != norms[1][1:]


def test_two_processes_train_as_one_and_continue_exactly(tiny: ModuleType, tmp_path: Path) -> None:
    program = str(Path(__file__).with_name("tiny.py"))
    command = [sys.executable, program]
    started = [subprocess.Popen([*command, str(rank), "2", str(tmp_path)]) for rank in range(2)]
    codes = [process.wait(timeout=240) for process in started]
    assert codes == [0, 0]
    seen = [json.loads((tmp_path / f"seen{rank}.json").read_text()) for rank in range(2)]

    # Two shards of 4 are a batch of 8: the same rows in each step, the same mean, the same gradient.
    cfg = tiny.experiment(epochs=2, schedule={"kind": "constant"})
    alone = tiny.run(cfg, tmp_path / "alone", hard=False, size=8)
    for name, value in alone.weights.items():
        torch.testing.assert_close(torch.tensor(seen[0]["plain"]["weights"][name]), value)
        assert seen[0]["plain"]["weights"][name] == seen[1]["plain"]["weights"][name]
    for step, (ours, theirs) in enumerate(zip(alone.losses(), seen[0]["plain"]["losses"], strict=True)):
        assert ours == pytest.approx(theirs), step

    # Validation: every row once, in order, and every process knows the whole.
    torch.manual_seed(1)
    task = tiny.tasks.create(cfg.task, tiny.LABELS, (9, 9, 8))
    scored = loop.evaluate(tiny.Net(hard=False), task, tiny.Clips(5, False), Place())
    assert seen[0]["scored"] == seen[1]["scored"]
    assert seen[0]["scored"][0] == scored.row_N.tolist() == list(range(tiny.ROWS))
    assert seen[0]["scored"][1] == scored.label_N.tolist()
    torch.testing.assert_close(torch.tensor(seen[0]["scored"][2]), torch.from_numpy(scored.logits_NK))

    # Killed after step 5, continued from the checkpoint of step 4.
    whole, continued = seen[0]["whole"], seen[0]["continued"]
    assert continued["losses"] == whole["losses"][-len(continued["losses"]) :]
    assert continued["weights"] == whole["weights"]
    assert continued["epochs"] == whole["epochs"][-len(continued["epochs"]) :]
    assert seen[0]["whole"]["epochs"] == seen[1]["whole"]["epochs"]

    # Ranks that saw means of 1 and 3 agree on 2; what was equal, and counters, stay.
    assert seen[0]["buffers"] == seen[1]["buffers"] == [[2.0, 2.0], [1.0, 1.0], 0]
