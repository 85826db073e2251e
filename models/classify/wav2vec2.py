"""wav2vec 2.0: a transformer on the wave, trained on speech without labels (Baevski et al. 2020, arXiv:2006.11477).

The networks are torchaudio's; what is ours: a learned mix of the layers (Pepino et al. 2021, arXiv:2104.03502), because
emotion and speaker live in the middle of such a network and not at its end, and parts that stay as they were trained.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from models.classify.base import Classifier, ClassifierConfig, Encoder, assemble
from models.classify.pretrained import load, split_hub, wav2vec2_names
from models.features import FeatureConfig

CONVOLUTIONS = ((10, 5), *((3, 2),) * 4, *((2, 2),) * 2)
"""Kernel and stride of the layers that turn the wave into frames."""
STRIDE = 320
"""Samples to one frame: the product of the strides."""


class Wav2Vec2Config(ClassifierConfig):
    """wav2vec 2.0: large, and the most accurate from few labelled clips when it starts from pretrained weights."""

    streams: ClassVar[bool] = False
    takes_wave: ClassVar[bool] = True

    kind: Literal["wav2vec2"] = "wav2vec2"
    pretrained: str | None = None
    """Weights to begin training with: path of a safetensors file with the names of torchaudio or of Hugging Face, or
    `hub:<owner>/<name>[@<revision>]` for the model.safetensors of a Hugging Face repository; null: random weights."""
    freeze_encoder: bool = False
    """The convolutions on the wave stay as they were pretrained."""
    freeze_layers: Annotated[int, Field(ge=0)] = 0
    """The first so many layers, and all in front of them, stay as they were pretrained, without dropout."""
    conv_channels: Annotated[int, Field(ge=1)] = 512
    """Channels of the convolutions on the wave."""
    size: Annotated[int, Field(ge=1)] = 768
    """Channels of the transformer; a multiple of heads and position_groups."""
    layers: Annotated[int, Field(ge=1)] = 12
    """Layers of the transformer; pretrained weights may have more, then the first ones are used."""
    heads: Annotated[int, Field(ge=1)] = 12
    """Attention heads."""
    hidden: Annotated[int, Field(ge=1)] = 3072
    """Width of the feed-forward parts."""
    position_kernel: Annotated[int, Field(ge=1)] = 128
    """Frames that the convolution sees which tells positions."""
    position_groups: Annotated[int, Field(ge=1)] = 16
    """Groups of its channels."""
    norm_first: bool = False
    """Norms as in the larger networks (LV-60k, XLS-R), which also want features.norm=clip_var."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Dropout in the transformer and in front of the last layer."""
    features: FeatureConfig = FeatureConfig(kind="raw", norm="none")

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        for name, count in (("heads", self.heads), ("position_groups", self.position_groups)):
            if self.size % count:
                raise ValueError(f"size={self.size} must be a multiple of {name}={count}")
        if self.freeze_layers > self.layers:
            raise ValueError(f"freeze_layers={self.freeze_layers} exceeds layers={self.layers}")
        if self.pretrained is None and (self.freeze_encoder or self.freeze_layers):
            raise ValueError("frozen parts never learn: freeze only what is pretrained, or set freeze_* to nothing")
        if self.pretrained is not None:
            split_hub(self.pretrained)
        return self


class Frames(nn.Module):
    """[B, 1, N] -> [B, D, T]: a weighted sum of what goes into the first layer and what comes out of each."""

    def __init__(self, config: Wav2Vec2Config) -> None:
        super().__init__()
        self.config = config
        self.network = architecture(config)
        self.mix = nn.Parameter(torch.zeros(config.layers + 1))
        """Logarithms of the weights, up to a constant: all layers count the same at first."""
        for part in self.frozen():
            part.requires_grad_(False)

    def frozen(self) -> Iterator[nn.Module]:
        """The parts that stay as they are."""
        encoder, count = self.network.encoder, self.config.freeze_layers
        if self.config.freeze_encoder or count:
            yield self.network.feature_extractor
        if count:
            yield encoder.feature_projection
            yield encoder.transformer.pos_conv_embed
            yield encoder.transformer.dropout
            yield from encoder.transformer.layers[:count]
        if count == self.config.layers or (count and not self.config.norm_first):
            yield encoder.transformer.layer_norm

    def train(self, mode: bool = True) -> Self:
        """As every module's, but what is frozen stays in evaluation mode: its dropout would only add noise."""
        super().train(mode)
        for part in self.frozen():
            part.eval()
        return self

    def outputs(self, wav_BN: Tensor) -> Iterator[Tensor]:
        """What goes into the first layer, and what comes out of each, [B, T, D]."""
        frames_BTC, _ = self.network.feature_extractor(wav_BN, None)
        x_BTD = self.network.encoder.feature_projection(frames_BTC)
        transformer = self.network.encoder.transformer
        x_BTD = x_BTD + transformer.pos_conv_embed(x_BTD)
        # The one norm outside of the layers: in front of norms that follow, behind norms that lead.
        x_BTD = transformer.dropout(x_BTD if self.config.norm_first else transformer.layer_norm(x_BTD))
        yield x_BTD
        *layers, last = transformer.layers
        for layer in layers:
            x_BTD, _ = layer(x_BTD)
            yield x_BTD
        x_BTD, _ = last(x_BTD)
        yield transformer.layer_norm(x_BTD) if self.config.norm_first else x_BTD

    def forward(self, wav_B1N: Tensor) -> Tensor:
        parts = zip(self.mix.softmax(0), self.outputs(wav_B1N.squeeze(1)), strict=True)
        return torch.stack([weight * x_BTD for weight, x_BTD in parts]).sum(0).transpose(1, 2)


class Wav2Vec2(Encoder):
    """[B, 1, N] -> [B, size, (N - 80) / 320]."""

    def __init__(self, config: Wav2Vec2Config) -> None:
        super().__init__(Frames(config))
        self.config = config
        self.channels, self.stride = config.size, STRIDE

    def load_pretrained(self) -> None:
        if self.config.pretrained is None:
            return
        (frames,) = self
        assert isinstance(frames, Frames)
        load(frames.network, self.config.pretrained, lambda given: wav2vec2_names(given, self.config.layers))


def architecture(config: Wav2Vec2Config) -> Any:
    """torchaudio's network of these sizes, with random weights; only here is torchaudio needed."""
    from models.torchaudio_shim import torchaudio

    return torchaudio.models.wav2vec2_model(
        extractor_mode="layer_norm" if config.norm_first else "group_norm",
        extractor_conv_layer_config=[(config.conv_channels, *each) for each in CONVOLUTIONS],
        extractor_conv_bias=config.norm_first,
        encoder_embed_dim=config.size,
        encoder_projection_dropout=config.dropout,
        encoder_pos_conv_kernel=config.position_kernel,
        encoder_pos_conv_groups=config.position_groups,
        encoder_num_layers=config.layers,
        encoder_num_heads=config.heads,
        encoder_attention_dropout=config.dropout,
        encoder_ff_interm_features=config.hidden,
        encoder_ff_interm_dropout=config.dropout,
        encoder_dropout=config.dropout,
        encoder_layer_norm_first=config.norm_first,
        encoder_layer_drop=0.0,  # a layer that is skipped could not be mixed
        aux_num_out=None,
    )


def build(config: Wav2Vec2Config) -> Classifier:
    """The whole network, with random weights; `Classifier.load_pretrained` puts the pretrained ones in place."""
    return assemble(config, lambda _: Wav2Vec2(config), dropout=config.dropout)
