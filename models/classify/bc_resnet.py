"""BC-ResNet: broadcasted residual learning for keywords (Kim et al. 2021, arXiv:2106.04140).

Most of the work is one-dimensional along time on features averaged over frequency; its result is broadcast back onto
the two-dimensional map. That gives the accuracy of a 2-D network at a fraction of the multiplications.

Shapes: [B, C, F, T] for maps, [B, C, T] after the mean over frequency.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from models.blocks.conv import TimeConv
from models.blocks.maps import FrequencyMean, Map
from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig
from models.streaming import Chain, State, child, nest

# Table 1: channels / (8 tau), blocks, stride in frequency; the dilation along time doubles from stage to stage.
STAGES: tuple[tuple[float, int, int], ...] = ((1.0, 2, 1), (1.5, 2, 2), (2.0, 4, 2), (2.5, 4, 1))
BANDS = 5
# The first layer and two stages halve the frequency axis, and five bands must be left at the end.
ROWS = 8 * BANDS


class BcResNetConfig(ClassifierConfig):
    """BC-ResNet: the most accurate for its size; answers every frame."""

    kind: Literal["bc_resnet"] = "bc_resnet"
    tau: Annotated[float, Field(ge=0.5, le=16)] = 1.0
    """Width; the paper uses 1, 1.5, 2, 3, 6 and 8."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the channels of every block that are dropped in training."""
    features: FeatureConfig = FeatureConfig(kind="melspec")

    @model_validator(mode="after")
    def _frequency_fits(self) -> Self:
        rows = self.extractor().rows
        if rows % ROWS:
            raise ValueError(
                f"bc_resnet needs a multiple of {ROWS} feature rows, features give {rows}: use melspec with n_mels: 40"
            )
        return self


class SubSpectralNorm(nn.Module):
    """Batch norm that treats each of five frequency bands of a channel as a channel (Chang et al. 2021)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.norm = nn.BatchNorm2d(channels * BANDS)

    def forward(self, x_BCFT: Tensor) -> Tensor:
        bands = self.norm(x_BCFT.unflatten(2, (BANDS, -1)).flatten(1, 2))
        return bands.unflatten(1, (self.channels, BANDS)).flatten(2, 3)


class Block(nn.Module):
    """One broadcasted residual block (figure 2): y = x + f2(x) + broadcast(f1(mean over frequency of f2(x))).

    A transition block, which changes the width, has no x of its own to add and starts with a 1x1 convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, dilation: int, dropout: float, causal: bool) -> None:
        super().__init__()
        self.transition = inputs != outputs
        widen = (nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
        self.frequency = nn.Sequential(
            *(widen if self.transition else ()),
            nn.Conv2d(outputs, outputs, (3, 1), (stride, 1), (1, 0), groups=outputs, bias=False),
            SubSpectralNorm(outputs),
        )
        self.time = Chain(
            TimeConv(nn.Conv1d(outputs, outputs, 3, dilation=dilation, groups=outputs, bias=False), causal=causal),
            nn.BatchNorm1d(outputs),
            nn.SiLU(),
            nn.Conv1d(outputs, outputs, 1, bias=False),
            nn.Dropout1d(dropout),
        )
        self.join = nn.ReLU()

    def forward(self, x_BCFT: Tensor) -> Tensor:
        map_BCFT = self.frequency(x_BCFT)
        return self._join(x_BCFT, map_BCFT, self.time(map_BCFT.mean(2)))

    def init_state(self, rows: int) -> State:
        return nest("time", self.time.init_state(rows))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        map_BCFT = self.frequency(x)
        line_BCT, after = self.time.step(map_BCFT.mean(2), child("time", state))
        return self._join(x, map_BCFT, line_BCT), nest("time", after)

    def _join(self, x_BCFT: Tensor, map_BCFT: Tensor, line_BCT: Tensor) -> Tensor:
        y_BCFT = map_BCFT + line_BCT[:, :, None]
        return self.join(y_BCFT if self.transition else y_BCFT + x_BCFT)


class BcResNet(Encoder):
    """[B, F, T] -> [B, 32 tau, T]."""

    def __init__(self, config: BcResNetConfig, rows: int) -> None:
        # As the authors' code does, widths are cut to whole channels.
        base, causal = int(8 * config.tau), config.causal
        first, last, bins = 2 * base, 4 * base, rows // 2
        blocks: list[nn.Module] = []
        width = first
        for stage, (factor, count, stride) in enumerate(STAGES):
            for index in range(count):
                outputs = int(base * factor)
                step = stride if index == 0 else 1
                blocks.append(Block(width, outputs, step, 2**stage, config.dropout, causal))
                width = outputs
            bins //= stride
        super().__init__(
            Map(),
            TimeConv(nn.Conv2d(1, first, 5, (2, 1), (2, 0), bias=False), causal=causal, bins=rows),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            *blocks,
            TimeConv(nn.Conv2d(width, width, 5, groups=width, bias=False), causal=causal, bins=bins),
            nn.Conv2d(width, last, 1, bias=False),
            nn.BatchNorm2d(last),
            nn.ReLU(),
            FrequencyMean(),
        )
        self.channels, self.stride = last, 1


def build(config: BcResNetConfig) -> Classifier:
    """The whole network, with fresh weights; the mean over time goes straight into the last layer, as in the paper."""
    return assemble(config, lambda rows: BcResNet(config, rows), dropout=0.0)
