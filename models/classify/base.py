"""What all classifiers share: features, an encoder of frames, a head; and the live form of that.

Shapes: B clips or streams, N samples, F feature rows, T frames, D channels, K labels, M spans.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator
from torch import Tensor, nn

from models import heads
from models.base import NetworkConfig
from models.classify.vary import change_tempo, mask_spans
from models.features import Extractor, FeatureConfig
from models.streaming import Chain, State, child, nest


class ClassifierConfig(NetworkConfig):
    """The part of a classifier's config that does not depend on its encoder. It streams in its causal form."""

    takes_wave: ClassVar[bool] = False
    """Whether the encoder works on the wave itself, not on rows of features."""

    outputs: Annotated[int, Field(ge=1)] | None = None
    """Number of labels; null: filled in from the corpus."""
    causal: bool = False
    """Looks only at the past: works live, as well as on clips."""
    window_ms: Annotated[float, Field(gt=0)] = 1000.0
    """How far back a live answer looks; train on clips of at most this length."""
    features: FeatureConfig = FeatureConfig()
    head: heads.HeadConfig = heads.MeanConfig()
    """How frames become one answer (live networks need mean), or an answer each (framewise)."""

    @property
    def stride(self) -> int:
        """Feature frames (of a raw wave: samples) to one embedding."""
        return 1

    def extractor(self) -> Extractor:
        """A new feature extractor; ValueError where the features cannot be causal."""
        return Extractor(self.features, self.causal)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.takes_wave and self.features.kind != "raw":
            raise ValueError(f"this network takes the wave itself, not {self.features.kind}: use features.kind=raw")
        if not self.takes_wave and self.features.kind == "raw":
            raise ValueError("features.kind=raw has no rows to classify: use melspec, mfcc, spectrogram or spectral")
        if self.causal and not self.streams:
            raise ValueError("this network needs the whole clip and has no causal form: leave causal out")
        if self.causal and self.head.kind not in ("mean", "framewise"):
            raise ValueError(f"head.kind={self.head.kind} needs the whole clip: use mean, or set causal: false")
        self.features.norm_for(self.causal)
        hop_ms = 1000 * self.features.hop * self.stride / self.features.sample_rate_hz
        if self.causal and self.window_ms < 2 * hop_ms:
            raise ValueError(f"window_ms={self.window_ms:g} must hold two frames of {hop_ms:g} ms")
        return self


class Encoder(Chain):
    """A chain of blocks from features [B, F, T] to embeddings [B, channels, T / stride]; it streams when causal."""

    channels: int
    stride: int

    def load_pretrained(self) -> None:
        """Puts weights that were trained elsewhere in place, if the config names any; ValueError if they do not fit."""


class Classifier(nn.Module):
    """Waves in, logits out."""

    def __init__(self, features: Extractor, encoder: Encoder, head: heads.Head) -> None:
        super().__init__()
        self.features, self.encoder, self.head = features, encoder, head
        self.sample_rate_hz = features.sample_rate_hz
        self.frame = features.hop * encoder.stride
        """Samples from one embedding to the next."""

    @property
    def framewise(self) -> bool:
        """Whether the logits are those of frames, [B, T, K]."""
        return isinstance(self.head, heads.FramewiseHead)

    def forward(self, wav_BN: Tensor, masks_BM4: Tensor | None = None, tempo_B: Tensor | None = None) -> Tensor:
        """Logits [B, K] (framewise [B, T, K]) of whole clips [B, N] of at least 0.2 s, float in [-1, 1]; masks and
        tempo vary the features in training."""
        feat_BFT = self.features(wav_BN)
        if tempo_B is not None:
            feat_BFT = change_tempo(feat_BFT, tempo_B)
        return self.body(feat_BFT if masks_BM4 is None else mask_spans(feat_BFT, masks_BM4))

    def body(self, feat_BFT: Tensor) -> Tensor:
        """What forward does after the features."""
        return self.head(self.encoder(feat_BFT))

    def embed(self, wav_BN: Tensor) -> Tensor:
        """The embeddings [B, E] of whole clips: what goes into the head's last layer."""
        assert isinstance(self.head, heads.PooledHead), "frames have no embedding of the clip"
        return self.head.embed(self.encoder(self.features(wav_BN)))

    def load_pretrained(self) -> None:
        """What training begins with: never needed for a network that gets weights of its own run or bundle."""
        self.encoder.load_pretrained()


class LiveClassifier(Classifier):
    """A causal classifier (models.streaming.Streaming): at every hop, logits of what was heard in the last window, or
    of the frame when it is framewise."""

    def __init__(self, features: Extractor, encoder: Encoder, head: heads.LiveHead) -> None:
        super().__init__(features, encoder, head)
        self.hop = self.frame
        self.latency = 0
        """Nothing looks ahead: an answer has heard everything up to the end of its hop."""

    @property
    def live(self) -> heads.LiveHead:
        """The head. Not an attribute: a module that is held twice would be stored twice."""
        assert isinstance(self.head, heads.LiveHead)
        return self.head

    def offline(self, wav_BN: Tensor) -> Tensor:
        """The logits [B, N // hop, K] of every hop of whole signals at once."""
        return self.live.frames(self.encoder(self.features(wav_BN)))

    def init_state(self, rows: int) -> State:
        return (
            nest("features", self.features.init_state(rows))
            | nest("encoder", self.encoder.init_state(rows))
            | nest("head", self.live.init_state(rows))
        )

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """The logits [B, n, K] of the next n * hop samples."""
        feat_BFT, features = self.features.step(x, child("features", state))
        emb_BDT, encoder = self.encoder.step(feat_BFT, child("encoder", state))
        logits_BTK, head = self.live.step(emb_BDT, child("head", state))
        return logits_BTK, nest("features", features) | nest("encoder", encoder) | nest("head", head)


def assemble(config: ClassifierConfig, encoder: Callable[[int], Encoder], *, dropout: float) -> Classifier:
    """Builds a classifier around an encoder, which is made for the number of feature rows."""
    if config.outputs is None:
        raise ValueError("model.outputs is not set: give the number of labels, or train on a corpus, which sets it")
    features = config.extractor()
    body = encoder(features.rows)
    if config.causal and config.head.kind == "framewise":
        return LiveClassifier(features, body, heads.FramewiseHead(body.channels, config.outputs, dropout))
    if not config.causal:
        return Classifier(features, body, heads.create(config.head, body.channels, config.outputs, dropout))
    hop = features.hop * body.stride
    window = round(config.window_ms * features.sample_rate_hz / 1000) // hop
    return LiveClassifier(features, body, heads.LiveMeanHead(body.channels, config.outputs, dropout, window))
