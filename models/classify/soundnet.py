"""SoundNet, the variant of five convolutions on the raw wave (Aytar et al. 2016, arXiv:1610.09001).

Strides of 2 and three max-pools turn 2048 samples into one embedding of 256 channels. The paper distils it from a
network that sees the video; here it is trained on labels.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field
from torch import nn

from models.blocks.conv import TimeConv
from models.blocks.pool import TimePool
from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig

# Kernel and channels of each layer, of stride 2 all, and the max-pool (kernel, stride) after it.
LAYERS: tuple[tuple[int, int, tuple[int, int] | None], ...] = (
    (64, 16, (8, 8)),
    (32, 32, (8, 2)),
    (16, 64, None),
    (8, 128, None),
    (4, 256, (4, 4)),
)
STRIDE = 2048


class SoundNetConfig(ClassifierConfig):
    """SoundNet: takes the wave itself, for sounds longer than words; an embedding of every 2048 samples."""

    takes_wave: ClassVar[bool] = True
    streams: ClassVar[bool] = False

    kind: Literal["soundnet"] = "soundnet"
    width: Annotated[float, Field(ge=0.25, le=8)] = 1.0
    """Multiplies the channels of all layers."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout after the third and the fourth layer and in front of the last."""
    features: FeatureConfig = FeatureConfig(kind="raw")

    @property
    def stride(self) -> int:
        return STRIDE


class SoundNet(Encoder):
    """[B, 1, N] -> [B, 256 width, N / 2048]."""

    def __init__(self, config: SoundNetConfig) -> None:
        layers: list[nn.Module] = []
        inputs = 1
        for kernel, width, pool in LAYERS:
            outputs = int(width * config.width)
            # No bias in front of a batch norm, which would take it away again.
            conv = TimeConv(nn.Conv1d(inputs, outputs, kernel, 2, bias=False), causal=False)
            layers += [conv, nn.BatchNorm1d(outputs), nn.ReLU()]
            layers.append(TimePool(*pool, causal=False) if pool else nn.Dropout(config.dropout))
            inputs = outputs
        super().__init__(*layers)
        self.channels, self.stride = inputs, config.stride


def build(config: SoundNetConfig) -> Classifier:
    """The whole network, with fresh weights."""
    return assemble(config, lambda _: SoundNet(config), dropout=config.dropout)
