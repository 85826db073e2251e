"""Heads: embeddings of any number of frames [B, D, T] become logits [B, K].

The mean can also run live, over a sliding window; others weigh frames against the whole clip. What goes into the last
layer of a pooled head is the embedding [B, E] of the clip. The framewise head pools nothing: its logits are [B, T, K].
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
    context: bool = True
    """The attention also sees the mean and deviation of the whole clip."""


class LstmConfig(Section):
    """An LSTM over the frames, pooled by attention of its last state to all of them."""

    kind: Literal["lstm"] = "lstm"
    hidden: Annotated[int, Field(ge=1)] = 192
    """Size of the LSTM."""


class FramesConfig(Section):
    """Logits for every frame, joined by a soft maximum: for sounds that fill only a part of the clip."""

    kind: Literal["frames"] = "frames"


class EmbeddingConfig(Section):
    """An embedding of a chosen size in front of the last layer, to be compared with others: speakers, sounds."""

    kind: Literal["embedding"] = "embedding"
    pool: Literal["mean", "attentive"] = "attentive"
    """How frames become one vector: plain mean, or attentive statistics."""
    size: Annotated[int, Field(ge=1)] = 192
    """Numbers in an embedding."""
    cosine: bool = False
    """Logits are cosines between the embedding and one vector a label, for losses with an angular margin; false:
    linear."""
    bottleneck: Annotated[int, Field(ge=1)] = 128
    """Channels inside the attention."""
    context: bool = True
    """The attention also sees the mean and deviation of the whole clip."""


class FramewiseConfig(Section):
    """Logits for every frame and no others: when something is heard, not only what (task.kind: detect)."""

    kind: Literal["framewise"] = "framewise"


HeadConfig = Annotated[
    MeanConfig | AttentiveConfig | LstmConfig | FramesConfig | EmbeddingConfig | FramewiseConfig,
    Field(discriminator="kind"),
]


class PooledHead(nn.Module):
    """One embedding a clip, and a last layer on it."""

    output: nn.Module

    def embed(self, emb_BDT: Tensor) -> Tensor:
        """What goes into the last layer, [B, E]; dropout is a part of that layer."""
        raise NotImplementedError

    def forward(self, emb_BDT: Tensor) -> Tensor:
        return self.output(self.embed(emb_BDT))


class MeanHead(PooledHead):
    """Mean over time, dropout, linear."""

    def __init__(self, channels: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, outputs))

    def embed(self, emb_BDT: Tensor) -> Tensor:
        return emb_BDT.mean(-1)


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


class AttentiveHead(PooledHead):
    """Attentive statistics, dropout, linear."""

    def __init__(self, channels: int, outputs: int, dropout: float, bottleneck: int, context: bool = True) -> None:
        super().__init__()
        self.pool = AttentiveStatistics(channels, bottleneck, context=context)
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * channels, outputs))

    def embed(self, emb_BDT: Tensor) -> Tensor:
        return self.pool(emb_BDT)

    def weights(self, emb_BDT: Tensor) -> Tensor:
        """How much each frame counts in each channel, [B, D, T]."""
        return self.pool.weights(emb_BDT)


class LstmHead(PooledHead):
    """LSTM, tanh, temporal attention, ReLU, dropout, linear."""

    def __init__(self, channels: int, outputs: int, dropout: float, hidden: int) -> None:
        super().__init__()
        self.lstm = Lstm(channels, hidden)
        self.attention = TemporalAttention(hidden)
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(hidden, outputs))

    def embed(self, emb_BDT: Tensor) -> Tensor:
        return torch.relu(self.attention(self._states(emb_BDT)))

    def weights(self, emb_BDT: Tensor) -> Tensor:
        """How much each frame counts, [B, T]."""
        return self.attention.weights(self._states(emb_BDT))

    def _states(self, emb_BDT: Tensor) -> Tensor:
        return torch.tanh(self.lstm(emb_BDT.transpose(1, 2)))


class FramesHead(PooledHead):
    """Dropout and linear at every frame; a clip's logit is the log of the mean of exp over time."""

    def __init__(self, channels: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.output = nn.Sequential(nn.Dropout(dropout), nn.Linear(channels, outputs))

    def frames(self, emb_BDT: Tensor) -> Tensor:
        """Logits of every frame, [B, T, K]."""
        return self.output(emb_BDT.transpose(1, 2))

    def embed(self, emb_BDT: Tensor) -> Tensor:
        """The mean of what goes into the last layer at every frame."""
        return emb_BDT.mean(-1)

    def forward(self, emb_BDT: Tensor) -> Tensor:
        frames_BTK = self.frames(emb_BDT)
        peak_B1K = frames_BTK.amax(1, keepdim=True)
        return (frames_BTK - peak_B1K).exp().mean(1).log() + peak_B1K.squeeze(1)


class Cosine(nn.Module):
    """[B, E] -> [B, K]: the cosine of the angle between an embedding and one trained vector a label."""

    def __init__(self, size: int, outputs: int) -> None:
        super().__init__()
        # Only the direction of a row counts; rows of normal numbers point anywhere with the same probability.
        self.weight = nn.Parameter(torch.randn(outputs, size))

    def forward(self, emb_BE: Tensor) -> Tensor:
        return F.linear(F.normalize(emb_BE), F.normalize(self.weight))


class EmbeddingHead(PooledHead):
    """Pooling, batch norm, linear, batch norm (Desplanques et al. 2020, arXiv:2005.07143); then linear or cosines."""

    def __init__(self, config: EmbeddingConfig, channels: int, outputs: int, dropout: float) -> None:
        super().__init__()
        attentive = config.pool == "attentive"
        self.pool = AttentiveStatistics(channels, config.bottleneck, context=config.context) if attentive else None
        pooled = 2 * channels if attentive else channels
        # A bias in front of a batch norm would be taken away again.
        self.embedding = nn.Sequential(
            nn.BatchNorm1d(pooled), nn.Linear(pooled, config.size, bias=False), nn.BatchNorm1d(config.size)
        )
        last = Cosine(config.size, outputs) if config.cosine else nn.Linear(config.size, outputs)
        self.output = nn.Sequential(nn.Dropout(dropout), last)

    def embed(self, emb_BDT: Tensor) -> Tensor:
        return self.embedding(emb_BDT.mean(-1) if self.pool is None else self.pool(emb_BDT))


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


Head = MeanHead | AttentiveHead | LstmHead | FramesHead | EmbeddingHead | FramewiseHead
LiveHead = LiveMeanHead | FramewiseHead


def create(config: HeadConfig, channels: int, outputs: int, dropout: float) -> Head:
    """The head that a config describes, for whole clips."""
    match config:
        case MeanConfig():
            return MeanHead(channels, outputs, dropout)
        case AttentiveConfig():
            return AttentiveHead(channels, outputs, dropout, config.bottleneck, config.context)
        case LstmConfig():
            return LstmHead(channels, outputs, dropout, config.hidden)
        case FramesConfig():
            return FramesHead(channels, outputs, dropout)
        case EmbeddingConfig():
            return EmbeddingHead(config, channels, outputs, dropout)
        case FramewiseConfig():
            return FramewiseHead(channels, outputs, dropout)
