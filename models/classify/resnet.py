"""Deep residual learning for keywords (Tang and Lin 2018, arXiv:1710.10361): res8, res15 and res26, and narrow ones.

Square 3x3 convolutions of one width on the map of features. res15 keeps every frame and widens its view by dilation;
the other two average over small rectangles after the first layer instead.

Shapes: [B, C, F, T] for maps, [B, C, T] after the mean over frequency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from models.blocks.conv import TimeConv
from models.blocks.maps import FrequencyMean, Map
from models.blocks.residual import Residual
from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig
from models.streaming import Chain


@dataclass(frozen=True)
class Plan:
    """One depth: residual blocks of two convolutions, the average (rows, frames) in front of them, and dilation."""

    blocks: int
    pool: tuple[int, int] = (1, 1)
    dilated: bool = False


# Section 2.2, tables 1 to 3.
PLANS: dict[int, Plan] = {8: Plan(3, pool=(3, 4)), 15: Plan(6, dilated=True), 26: Plan(12, pool=(2, 2))}


class ResNetConfig(ClassifierConfig):
    """ResNet of Tang and Lin: plain and well known, costly for its size; answers every one (15), two (26) or four (8)
    frames."""

    kind: Literal["resnet"] = "resnet"
    depth: Literal[8, 15, 26] = 8
    """Number of layers. 15 is the most accurate and takes some 25 times the work of 8."""
    channels: Annotated[int, Field(ge=1, le=512)] = 45
    """Maps of all layers; the paper uses 45, narrow: 19."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout in front of the last layer."""
    features: FeatureConfig = FeatureConfig(kind="mfcc")

    @property
    def stride(self) -> int:
        return PLANS[self.depth].pool[1]


class Average(nn.Module):
    """Mean over rectangles: [B, C, F, T] -> [B, C, F // rows, T']; for clips T' = ceil(T / frames), else T // frames.

    The last frame of a clip is repeated to fill its last rectangle.
    """

    def __init__(self, rows: int, frames: int, causal: bool) -> None:
        super().__init__()
        self.size, self.pad = (rows, frames), 0 if causal else frames - 1

    def forward(self, x_BCFT: Tensor) -> Tensor:
        return F.avg_pool2d(F.pad(x_BCFT, (0, self.pad, 0, 0), mode="replicate"), self.size)


class ResNet(Encoder):
    """[B, F, T] -> [B, channels, T / stride]."""

    def __init__(self, config: ResNetConfig, rows: int) -> None:
        plan, width, causal = PLANS[config.depth], config.channels, config.causal
        bins = rows // plan.pool[0]

        def conv(index: int) -> list[nn.Module]:
            return [_conv(width, width, 2 ** (index // 3) if plan.dilated else 1, causal, bins), nn.ReLU()]

        def norm() -> nn.Module:
            # The paper's batch norm has nothing to train.
            return nn.BatchNorm2d(width, affine=False)

        def block(index: int) -> Residual:
            # The sum goes on as it is and is normalised for the next convolution only; the first needs no norm.
            before = [norm()] if index else []
            return Residual(Chain(*before, *conv(2 * index), norm(), *conv(2 * index + 1)))

        super().__init__(
            Map(),
            _conv(1, width, 1, causal, rows),
            nn.ReLU(),
            *([Average(*plan.pool, causal)] if plan.pool != (1, 1) else []),
            *(block(index) for index in range(plan.blocks)),
            # The dilated one has one more convolution, with the widest view.
            *([norm(), *conv(2 * plan.blocks)] if plan.dilated else []),
            norm(),
            FrequencyMean(),
        )
        self.channels, self.stride = width, config.stride


def build(config: ResNetConfig) -> Classifier:
    """The whole network, with fresh weights; the mean over time goes straight into the last layer, as in the paper."""
    return assemble(config, lambda rows: ResNet(config, rows), dropout=config.dropout)


def _conv(inputs: int, outputs: int, dilation: int, causal: bool, bins: int) -> TimeConv:
    conv = nn.Conv2d(inputs, outputs, 3, dilation=dilation, padding=(dilation, 0), bias=False)
    return TimeConv(conv, causal=causal, bins=bins)
