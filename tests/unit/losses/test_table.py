"""Every kind of loss in the config has its function, with the config's keys as arguments."""

from typing import Any

import pytest
import torch
from pydantic import TypeAdapter

from sonant.config.loss import LossConfig
from sonant.losses.aam_softmax import aam_softmax
from sonant.losses.focal import focal
from sonant.losses.table import LOSSES, create

OUTPUTS, TARGET = torch.tensor([[0.6, -0.2], [0.1, 0.3]]), torch.tensor([[1.0, 0.0], [0.4, 0.6]])


def config(value: Any) -> Any:
    return TypeAdapter[Any](LossConfig).validate_python(value)


@pytest.mark.parametrize("kind", LOSSES)
@pytest.mark.parametrize("weight_K", [None, torch.tensor([1.0, 2.0])], ids=["plain", "weighted"])
def test_every_kind_gives_a_loss_to_learn_from(kind: str, weight_K: torch.Tensor | None) -> None:
    outputs = OUTPUTS.clone().requires_grad_()
    loss = create(config({"kind": kind}))(outputs, TARGET, weight_K)
    loss.backward()
    assert loss.shape == ()
    assert outputs.grad is not None
    assert outputs.grad.isfinite().all()
    assert outputs.grad.abs().max() > 0


def test_the_table_holds_the_kinds_of_the_config() -> None:
    schema = TypeAdapter[Any](LossConfig).json_schema()
    assert set(schema["discriminator"]["mapping"]) == set(LOSSES)


def test_keys_reach_the_function() -> None:
    torch.testing.assert_close(
        create(config({"kind": "focal", "gamma": 0.7}))(OUTPUTS, TARGET, None), focal(OUTPUTS, TARGET, gamma=0.7)
    )
    torch.testing.assert_close(
        create(config({"kind": "aam_softmax", "margin": 0.1, "scale": 9}))(OUTPUTS, TARGET, None),
        aam_softmax(OUTPUTS, TARGET, margin=0.1, scale=9.0),
    )
