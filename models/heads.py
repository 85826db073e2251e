"""Heads: embeddings of any number of frames [B, D, T] become logits [B, K].

The mean can also run live, over a sliding window; others weigh frames against the whole clip. The framewise head pools
nothing: its logits are [B, T, K].
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from models.base import Section
from models.blocks.attention import AttentiveStatistics, TemporalAttention
from models.blocks.recurrent import Lstm
from models.streaming import State


class MeanConfig(Section):
    """Plain mean over time: small, robust, and the only head of whole clips that runs live."""

    kind: Literal["mean"] = "mean"


class AttentiveConfig(Section):
    """Attentive statistics: weighted mean and deviation of each channel."""

    kind: Literal["attentive"] = "attentive"
    bottleneck: Annotated[int, Field(ge=1)] = 64
    """Channels inside the attention."""


class LstmConfig(Section):
    """An LSTM over the frames, pooled by attention of its last state to all of them."""

    kind: Literal["lstm"] = "lstm"
    hidden: Annotated[int, Field(ge=1)] = 192
    """Size of the LSTM."""


class FramesConfig(Section):
    """Logits for every frame, joined by a soft maximum: for sounds that fill only a part of the clip."""

    kind: Literal["frames"] = "frames"


class FramewiseConfig(Section):
    """Logits for every frame and no others: when something is heard, not only what (task.kind: detect)."""

    kind: Literal["framewise"] = "framewise"


HeadConfig = Annotated[
    MeanConfig | AttentiveConfig | LstmConfig | FramesConfig | FramewiseConfig, Field(discriminator="kind")
]


class MeanHead(nn.Module):
    """Mean over time, dropout, linear."""

    def __init__(self, channels: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, outputs))

    def forward(self, emb_BDT: Tensor) -> Tensor:
        return self.output(emb_BDT.mean(-1))


class LiveMeanHead(MeanHead):
    """A mean head that also answers at every frame, from the mean over the last `window` frames.

    While a stream is younger than the window, the mean is over the frames that there are: the last answer to a clip
    no longer than the window is what forward() gives.
    """

    def __init__(self, channels: int, outputs: int, dropout: float, window: int) -> None:
        super().__init__(channels, outputs, dropout)
        assert window > 1, "a window of one frame has no past to keep"
        self.channels, self.window = channels, window

    def frames(self, emb_BDT: Tensor) -> Tensor:
        """Logits at every frame of a whole signal, [B, T, K]."""
        return self.step(emb_BDT, self.init_state(emb_BDT.shape[0]))[0]

    def init_state(self, rows: int) -> State:
        like = next(self.parameters())
        return {"past": like.new_zeros(rows, self.channels, self.window - 1), "seen": like.new_zeros(rows)}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """[B, D, T] -> [B, T, K]."""
        joined_BDT = torch.cat([state["past"], x], -1)
        # Every window is summed anew: a running sum would drift away from the offline result.
        mean_BDT = F.avg_pool1d(joined_BDT, self.window, stride=1)
        age_T = torch.arange(1, x.shape[-1] + 1, device=x.device)
        seen_BT = (state["seen"][:, None] + age_T).clamp_max(self.window)
        mean_BDT = mean_BDT * (self.window / seen_BT)[:, None]
        after = {"past": joined_BDT[..., -(self.window - 1) :], "seen": seen_BT[:, -1]}
        return self.output(mean_BDT.transpose(1, 2)), after


class AttentiveHead(nn.Module):
    """Attentive statistics, dropout, linear."""

    def __init__(self, channels: int, outputs: int, dropout: float, bottleneck: int) -> None:
        super().__init__()
        self.pool = AttentiveStatistics(channels, bottleneck)
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * channels, outputs))

    def forward(self, emb_BDT: Tensor) -> Tensor:
        return self.output(self.pool(emb_BDT))

    def weights(self, emb_BDT: Tensor) -> Tensor:
        """How much each frame counts in each channel, [B, D, T]."""
        return self.pool.weights(emb_BDT)


class LstmHead(nn.Module):
    """LSTM, tanh, temporal attention, ReLU, dropout, linear."""

    def __init__(self, channels: int, outputs: int, dropout: float, hidden: int) -> None:
        super().__init__()
        self.lstm = Lstm(channels, hidden)
        self.attention = TemporalAttention(hidden)
        self.output = nn.Sequential(nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, outputs))

    def forward(self, emb_BDT: Tensor) -> Tensor:
        return self.output(self.attention(self._states(emb_BDT)))

    def weights(self, emb_BDT: Tensor) -> Tensor:
        """How much each frame counts, [B, T]."""
        return self.attention.weights(self._states(emb_BDT))

    def _states(self, emb_BDT: Tensor) -> Tensor:
        return torch.tanh(self.lstm(emb_BDT.transpose(1, 2)))


class FramesHead(nn.Module):
    """Dropout and linear at every frame; a clip's logit is the log of the mean of exp over time."""

    def __init__(self, channels: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, outputs))

    def frames(self, emb_BDT: Tensor) -> Tensor:
        """Logits of every frame, [B, T, K]."""
        return self.output(emb_BDT.transpose(1, 2))

    def forward(self, emb_BDT: Tensor) -> Tensor:
        frames_BTK = self.frames(emb_BDT)
        peak_B1K = frames_BTK.amax(1, keepdim=True)
        return (frames_BTK - peak_B1K).exp().mean(1).log() + peak_B1K.squeeze(1)


class FramewiseHead(nn.Module):
    """Dropout and linear at every frame, [B, D, T] -> [B, T, K]. No memory: it streams wherever its encoder does."""

    def __init__(self, channels: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, outputs))

    def forward(self, emb_BDT: Tensor) -> Tensor:
        return self.output(emb_BDT.transpose(1, 2))

    def frames(self, emb_BDT: Tensor) -> Tensor:
        """The same, by the name that live heads share."""
        return self(emb_BDT)

    def init_state(self, rows: int) -> State:
        return {}

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return self(x), {}


Head = MeanHead | AttentiveHead | LstmHead | FramesHead | FramewiseHead
LiveHead = LiveMeanHead | FramewiseHead


def create(config: HeadConfig, channels: int, outputs: int, dropout: float) -> Head:
    """The head that a config describes, for whole clips."""
    match config:
        case MeanConfig():
            return MeanHead(channels, outputs, dropout)
        case AttentiveConfig():
            return AttentiveHead(channels, outputs, dropout, config.bottleneck)
        case LstmConfig():
            return LstmHead(channels, outputs, dropout, config.hidden)
        case FramesConfig():
            return FramesHead(channels, outputs, dropout)
        case FramewiseConfig():
            return FramewiseHead(channels, outputs, dropout)
