"""Checkpoints: exact, atomic at every moment, on disks and behind URLs, harmless to read."""

import errno
from pathlib import Path
from typing import Any

import pytest
import torch

from sonant.errors import EnvError, RunError
from sonant.track import files
from sonant.train import checkpoint
from sonant.train.checkpoint import Checkpoint


def made(value: float) -> Checkpoint:
    return Checkpoint({"w": torch.full((3,), value)}, {"progress": {"step": int(value)}, "raw": torch.tensor(value)})


def value(url: str) -> float:
    found = checkpoint.load(url)
    assert float(found.weights["w"][0]) == float(found.state["raw"]) == found.state["progress"]["step"]
    return float(found.state["raw"])


@pytest.fixture(params=["disk", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "last") if request.param == "disk" else f"memory://{tmp_path.name}/last"


def test_an_optimiser_comes_back_exactly(place: str) -> None:
    weights = [torch.nn.Parameter(torch.randn(4, 3)), torch.nn.Parameter(torch.randn(3))]
    optimizer = torch.optim.AdamW([{"params": weights[:1]}, {"params": weights[1:], "weight_decay": 0.0}], lr=0.1)
    for parameter in weights:
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    state = optimizer.state_dict()
    checkpoint.save(place, Checkpoint({}, {"optimizer": state}))
    found = checkpoint.load(place).state["optimizer"]
    assert found["param_groups"] == state["param_groups"]
    assert found["param_groups"][0]["betas"] == (0.9, 0.999)
    assert found["state"].keys() == {0, 1}
    for at, moments in state["state"].items():
        assert all(torch.equal(found["state"][at][name], tensor) for name, tensor in moments.items())


def test_a_checkpoint_replaces_the_one_before(place: str) -> None:
    for step in (1.0, 2.0, 3.0):
        checkpoint.save(place, made(step))
    assert value(place) == 3.0
    assert float(checkpoint.load_weights(place)["w"][0]) == 3.0
    assert not any(files.exists(f"{place}.{part}") for part in ("new", "old"))


@pytest.mark.parametrize("dies_at", range(1, 40))
def test_whenever_the_writer_dies_a_whole_checkpoint_is_left(
    place: str, dies_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call that changes the filesystem may be the last one."""
    checkpoint.save(place, made(1.0))
    found, _ = files.filesystem(place)
    calls = 0

    def mortal(real: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls >= dies_at:
                raise SystemExit
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for name in ("pipe_file", "rm", "cp_file", "rm_file", "makedirs"):
            patch.setattr(found, name, mortal(getattr(found, name)))
        for name in ("rename", "replace", "remove"):
            patch.setattr(f"os.{name}", mortal(getattr(__import__("os"), name)))
        try:
            checkpoint.save(place, made(2.0))
            survived = True
        except SystemExit:
            survived = False
    assert value(place) in ({2.0} if survived else {1.0, 2.0})
    checkpoint.save(place, made(3.0))
    assert value(place) == 3.0


def test_a_full_disk_leaves_the_old_checkpoint_and_no_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = str(tmp_path / "last")
    checkpoint.save(place, made(1.0))
    found, _ = files.filesystem(place)

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(found, "pipe_file", full)
        with pytest.raises(EnvError) as caught:
            checkpoint.save(place, made(2.0))
    assert caught.value.code == "env.disk_full"
    assert value(place) == 1.0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last"]


def test_tied_and_strided_tensors_are_stored(tmp_path: Path) -> None:
    table = torch.arange(6.0).view(2, 3)
    checkpoint.save(str(tmp_path / "c"), Checkpoint({"a": table, "b": table, "c": table.T}, {}))
    found = checkpoint.load_weights(str(tmp_path / "c"))
    assert torch.equal(found["a"], found["b"])
    assert torch.equal(found["c"], table.T)


def test_damage_and_absence_are_told(tmp_path: Path) -> None:
    place = tmp_path / "last"
    with pytest.raises(RunError, match="no checkpoint") as caught:
        checkpoint.load(str(place))
    assert caught.value.code == "run.not_found"
    checkpoint.save(str(place), made(1.0))
    raw = bytearray((place / "model.safetensors").read_bytes())
    raw[:8] = b"\xff" * 8
    (place / "model.safetensors").write_bytes(raw)
    with pytest.raises(RunError, match="damaged"):
        checkpoint.load(str(place))


def test_a_file_cut_short_is_no_checkpoint(tmp_path: Path) -> None:
    place = tmp_path / "last"
    checkpoint.save(str(place), made(1.0))
    whole = (place / "state.safetensors").read_bytes()
    (place / "state.safetensors").write_bytes(whole[:-1])
    assert not checkpoint.exists(str(place))
