"""The loss section: by name or as a section, and the link that goes with each."""

from typing import Any

import pytest

from sonant.config.experiment import Experiment
from sonant.config.load import check, dump
from sonant.config.loss import AamSoftmax, Bce, CrossEntropy, Focal, Link
from sonant.config.task import ClassifyTask
from sonant.errors import ConfigError

SMALL: dict[str, Any] = {"name": "x", "model": {"kind": "tc_resnet"}, "data": {"corpus": "none"}}


def test_a_name_is_short_for_a_section() -> None:
    assert ClassifyTask.model_validate({"loss": "cross_entropy"}).loss == CrossEntropy()
    assert ClassifyTask.model_validate({"loss": "focal"}).loss == Focal(gamma=2.0)
    assert ClassifyTask.model_validate({"loss": {"kind": "focal", "gamma": 1}}).loss == Focal(gamma=1.0)


def test_links() -> None:
    assert CrossEntropy().link == Link(kind="softmax", scale=1.0)
    assert Bce().link == Link(kind="sigmoid")
    assert AamSoftmax(scale=20).link == Link(kind="softmax", scale=20.0)


def test_what_is_stored_loads_again() -> None:
    import yaml

    config: Experiment = check(Experiment, SMALL | {"task": {"loss": {"kind": "focal", "gamma": 3}}})
    assert check(Experiment, yaml.safe_load(dump(config))) == config


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        ("hinge", "'cross_entropy', 'soft_f1', 'focal', 'bce', 'aam_softmax'"),
        ({"kind": "focal", "gama": 1}, "did you mean gamma"),
        ({"kind": "bce", "gamma": 1}, "unknown key"),
        ("aam_softmax", "does not fit model.head.cosine=false"),
    ],
)
def test_wrong_ones_are_refused(loss: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(Experiment, SMALL | {"task": {"loss": loss}})


@pytest.mark.parametrize("kind", ["classify", "embed"])
@pytest.mark.parametrize("head", [{"kind": "mean"}, {"kind": "embedding"}, {"kind": "embedding", "cosine": True}])
@pytest.mark.parametrize("loss", ["aam_softmax", "cross_entropy"])
def test_losses_and_heads_belong_together(kind: str, loss: str, head: dict[str, Any]) -> None:
    model = {"kind": "tc_resnet", "head": head}
    config: dict[str, Any] = SMALL | {"task": {"kind": kind, "loss": loss}, "model": model}
    cosine, angular = "cosine" in head, loss == "aam_softmax"
    if angular == cosine or (kind == "classify" and cosine):
        check(Experiment, config)
        return
    with pytest.raises(ConfigError, match=f"kind={loss} does not fit model.head.cosine={str(cosine).lower()}"):
        check(Experiment, config)
