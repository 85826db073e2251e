"""Multiply-accumulates per second of audio, counted while a network runs.

Counted are convolutions and matrix products, as papers do. The features are counted in the form that graphs hold
them in (the Fourier transform as a convolution) and kept apart, because papers leave them out.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

import torch
from torch.utils.flop_counter import FlopCounterMode

from models.classify.base import Classifier, LiveClassifier
from models.enhance.base import Enhancer, LiveEnhancer
from models.extract.base import Extractor, LiveExtractor
from models.streaming import child

C = TypeVar("C", bound=Classifier)


@dataclass(frozen=True)
class Macs:
    """Multiply-accumulates per second of audio."""

    features: int
    network: int

    @property
    def total(self) -> int:
        return self.features + self.network


def of_model(model: Classifier | Extractor | Enhancer, seconds: float = 1.0) -> Macs:
    """The cost of a network in its live form if it has one, else of a clip of that length."""
    match model:
        case Extractor():
            return of_extractor(model)
        case Enhancer():
            return of_enhancer(model)
        case LiveClassifier():
            return of_stream(model)
        case Classifier():
            return of_clip(model, seconds)


def of_clip(model: Classifier, seconds: float = 1.0) -> Macs:
    """The cost of one clip of that length, by its length."""
    model = _as_exported(model)
    wav_BN = torch.zeros(1, round(seconds * model.sample_rate_hz))
    feat_BFT = model.features(wav_BN)
    features = count(lambda: model.features(wav_BN))
    network = count(lambda: model.body(feat_BFT))
    return Macs(round(features / seconds), round(network / seconds))


def of_stream(model: LiveClassifier) -> Macs:
    """The cost of a stream that steps at every hop."""
    model = _as_exported(model)
    chunk_BN, state = torch.zeros(1, model.hop), model.init_state(1)
    features = count(lambda: model.features.step(chunk_BN, child("features", state)))
    whole = count(lambda: model.step(chunk_BN, state))
    steps_per_s = model.sample_rate_hz / model.hop
    return Macs(round(features * steps_per_s), round((whole - features) * steps_per_s))


def of_extractor(model: Extractor) -> Macs:
    """The cost of a mixture of one second, or of a stream that steps at every hop; that of enrolment, which is once a
    session, is not in it."""
    model = deepcopy(model).cpu().eval()
    voice_BE = torch.zeros(1, model.voice_size)
    if not isinstance(model, LiveExtractor):
        return Macs(0, count(lambda: model.extract(torch.zeros(1, model.sample_rate_hz), voice_BE)))
    chunk_BN, state = torch.zeros(1, model.hop), model.init_state(1)
    step = count(lambda: model.step(chunk_BN, state, voice_BE))
    return Macs(0, round(step * model.sample_rate_hz / model.hop))


def of_enhancer(model: Enhancer) -> Macs:
    """The cost of a recording of one second, or of a stream that steps at every hop."""
    model = deepcopy(model).cpu().eval()
    if not isinstance(model, LiveEnhancer):
        return Macs(0, count(lambda: model(torch.zeros(1, model.sample_rate_hz))))
    chunk_BN, state = torch.zeros(1, model.hop), model.init_state(1)
    return Macs(0, round(count(lambda: model.step(chunk_BN, state)) * model.sample_rate_hz / model.hop))


def count(call: Callable[[], object]) -> int:
    """Multiply-accumulates that torch runs inside a call."""
    with torch.no_grad(), FlopCounterMode(display=False, custom_mapping=_MORE) as counter:
        call()
    return counter.get_total_flops() // 2


def _as_exported(model: C) -> C:
    model = deepcopy(model).cpu().eval()
    model.features.switch_dft("conv")
    return model


def _rnn_flops(
    input_shape: tuple[int, ...], w_input: tuple[int, ...], w_hidden: tuple[int, ...], *_: Any, **__: Any
) -> int:
    """Every frame [T, B, D] goes through both weight matrices of all gates."""
    frames = prod(input_shape[:-1])
    return 2 * frames * (prod(w_input) + prod(w_hidden))


# torch's counter does not know the fused recurrent layer that it runs on CPUs.
_MORE: dict[Any, Any] = {torch.ops.aten.mkldnn_rnn_layer: _rnn_flops}
