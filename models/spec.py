"""The registry of networks: one table from `kind` to its config type and its factory.

`create(config)` is the only way the platform builds a network. Adding one is a row in SPECS and its config in the
ModelConfig union: nothing registers itself on import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from models.classify import bc_resnet, ecapa_tdnn, tc_resnet, tcn
from models.classify.base import Classifier, ClassifierConfig
from models.classify.bc_resnet import BcResNetConfig
from models.classify.ecapa_tdnn import EcapaTdnnConfig
from models.classify.tc_resnet import TcResNetConfig
from models.classify.tcn import TcnConfig

AnyConfig = TcResNetConfig | BcResNetConfig | EcapaTdnnConfig | TcnConfig
ModelConfig = Annotated[AnyConfig, Field(discriminator="kind")]


@dataclass(frozen=True)
class ModelSpec:
    """One network: its tag, the job it does, the config type that describes it and how to build it from one."""

    kind: str
    job: str
    config_type: type[ClassifierConfig]
    factory: Callable[[Any], Classifier]
    paper: str


SPECS: dict[str, ModelSpec] = {
    spec.kind: spec
    for spec in (
        ModelSpec("tc_resnet", "classify", TcResNetConfig, tc_resnet.build, "Choi et al. 2019, arXiv:1904.03814"),
        ModelSpec("bc_resnet", "classify", BcResNetConfig, bc_resnet.build, "Kim et al. 2021, arXiv:2106.04140"),
        ModelSpec(
            "ecapa_tdnn", "classify", EcapaTdnnConfig, ecapa_tdnn.build, "Desplanques et al. 2020, arXiv:2005.07143"
        ),
        ModelSpec("tcn", "detect", TcnConfig, tcn.build, "Bai et al. 2018, arXiv:1803.01271"),
    )
}

# The sizes that papers report, by the names they use: what `sonant models` lists.
VARIANTS: dict[str, dict[str, Any]] = {
    "tc_resnet8": {"kind": "tc_resnet", "variant": 8},
    "tc_resnet8-1.5": {"kind": "tc_resnet", "variant": 8, "width": 1.5},
    "tc_resnet14": {"kind": "tc_resnet", "variant": 14},
    "tc_resnet14-1.5": {"kind": "tc_resnet", "variant": 14, "width": 1.5},
    "bc_resnet-1": {"kind": "bc_resnet", "tau": 1},
    "bc_resnet-1.5": {"kind": "bc_resnet", "tau": 1.5},
    "bc_resnet-2": {"kind": "bc_resnet", "tau": 2},
    "bc_resnet-3": {"kind": "bc_resnet", "tau": 3},
    "bc_resnet-6": {"kind": "bc_resnet", "tau": 6},
    "bc_resnet-8": {"kind": "bc_resnet", "tau": 8},
    "ecapa_tdnn-512": {"kind": "ecapa_tdnn", "channels": 512},
    "ecapa_tdnn-1024": {"kind": "ecapa_tdnn", "channels": 1024},
    "tcn-64": {"kind": "tcn", "head": {"kind": "framewise"}},
}


def create(config: AnyConfig) -> Classifier:
    """Builds the network that a config describes, with fresh weights."""
    return SPECS[config.kind].factory(config)


def parse(data: Mapping[str, Any]) -> AnyConfig:
    """Checks plain data, with its `kind`, against the config type of that network."""
    return TypeAdapter[AnyConfig](ModelConfig).validate_python(dict(data))
