"""TCN: dilated depthwise-separable convolutions along time that keep the frame rate, for answers at every frame.

Residual blocks with growing dilation, as in the generic temporal convolutional network (Bai et al. 2018,
arXiv:1803.01271), made of time-channel separable convolutions, as in MarbleNet (Jia et al. 2021, arXiv:2010.13886),
the small detector of speech. The first layer alone has a stride: two frames in, one embedding out. With 10 ms features
that is an answer each 20 ms from 2.5 s of past, for 1.7 million multiplications a second.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from models.blocks.conv import TimeConv
from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.features import FeatureConfig
from models.streaming import Chain, State, child, nest

FIRST_KERNEL = 5
Dilation = Annotated[int, Field(ge=1, le=256)]


class TcnConfig(ClassifierConfig):
    """TCN: small and fast at a fine resolution in time; for detection."""

    kind: Literal["tcn"] = "tcn"
    channels: Annotated[int, Field(ge=8, le=1024)] = 64
    """Width of all layers."""
    kernel: Annotated[int, Field(ge=2, le=31)] = 5
    """Taps of each convolution along time."""
    dilations: Annotated[tuple[Dilation, ...], Field(min_length=1)] = (1, 2, 4, 8, 16)
    """Distance of the taps in each residual block; their number is that of the blocks."""
    stride: Annotated[int, Field(ge=1, le=4)] = 2
    """Feature frames to one answer."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of the channels of every block that are dropped in training."""
    features: FeatureConfig = FeatureConfig(kind="melspec", norm_ms=3000.0)

    @model_validator(mode="after")
    def _window_holds_frames(self) -> Self:
        hop_ms = self.features.hop_ms * self.stride
        if self.causal and self.window_ms < 2 * hop_ms:
            raise ValueError(f"window_ms={self.window_ms:g} must hold two output frames of {hop_ms:g} ms")
        return self


class Block(nn.Module):
    """y = relu(x + pointwise(depthwise(x))), each convolution with its batch norm."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float, causal: bool) -> None:
        super().__init__()
        depthwise = nn.Conv1d(channels, channels, kernel, dilation=dilation, groups=channels, bias=False)
        self.inner = Chain(
            TimeConv(depthwise, causal=causal),
            nn.BatchNorm1d(channels),
            nn.ReLU(),
            nn.Conv1d(channels, channels, 1, bias=False),
            nn.BatchNorm1d(channels),
            nn.Dropout1d(dropout),
        )
        self.join = nn.ReLU()

    def forward(self, x_BCT: Tensor) -> Tensor:
        return self.join(x_BCT + self.inner(x_BCT))

    def init_state(self, rows: int) -> State:
        return nest("inner", self.inner.init_state(rows))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        inner_BCT, after = self.inner.step(x, child("inner", state))
        return self.join(x + inner_BCT), nest("inner", after)


class Tcn(Encoder):
    """[B, F, T] -> [B, channels, T / stride]."""

    def __init__(self, config: TcnConfig, rows: int) -> None:
        first = nn.Conv1d(rows, config.channels, FIRST_KERNEL, config.stride, bias=False)
        super().__init__(
            TimeConv(first, causal=config.causal),
            nn.BatchNorm1d(config.channels),
            nn.ReLU(),
            *(
                Block(config.channels, config.kernel, dilation, config.dropout, config.causal)
                for dilation in config.dilations
            ),
        )
        self.channels, self.stride = config.channels, config.stride


def build(config: TcnConfig) -> Classifier:
    """The whole network, with fresh weights."""
    return assemble(config, lambda rows: Tcn(config, rows), dropout=0.0)
