"""The table of networks that the property suite runs on, and each of them trained once on a tiny problem.

A new network is a row (or two, when it also streams) in CASES.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models.classify.base import Classifier, LiveClassifier
from models.spec import create, parse
from sonant.export.onnx import OnnxGraph, export_graphs
from sonant.runtime.info import Role

RATE_HZ = 16_000
TONES_HZ = (400.0, 1000.0, 3000.0)


@dataclass(frozen=True)
class Case:
    """A small config, and the parameters it must have with three outputs."""

    config: dict[str, Any]
    parameters: int
    patch: tuple[str, Any] | None = None
    """A table of the network's blocks, and fewer rows for it."""


# Exporting takes time with every block, and is most of what this suite costs: the deep networks have some blocks of
# each kind here. tests/unit/models/classify counts the parameters of the whole ones.
FEW_BC_RESNET = ("models.classify.bc_resnet.STAGES", ((1.0, 2, 1), (1.5, 1, 2), (2.0, 2, 2), (2.5, 1, 1)))
FEW_MOBILENET = (
    "models.classify.mobilenet.STAGES",
    ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 1, 2), (6, 64, 1, 2), (6, 96, 1, 1), (6, 160, 1, 2), (6, 320, 1, 1)),
)
# Its own norm remembers longer than these signals last.
SMALL_TCN = {"channels": 32, "dilations": [1, 2, 4], "features": {"kind": "melspec", "norm_ms": 500}}
# The live ones look back 400 ms only, so that short signals fill their window.
CASES: dict[str, Case] = {
    "tc_resnet": Case({"kind": "tc_resnet"}, 64_739),
    "tc_resnet-14": Case({"kind": "tc_resnet", "variant": 14, "width": 0.5}, 34_643),
    "tc_resnet-live": Case({"kind": "tc_resnet", "causal": True, "window_ms": 400}, 64_739),
    "tc_resnet-attentive": Case({"kind": "tc_resnet", "head": {"kind": "attentive", "bottleneck": 16}}, 68_051),
    "tc_resnet-lstm": Case({"kind": "tc_resnet", "head": {"kind": "lstm", "hidden": 32}}, 78_259),
    "tc_resnet-frames": Case({"kind": "tc_resnet", "head": {"kind": "frames"}}, 64_739),
    "bc_resnet": Case({"kind": "bc_resnet"}, 5_207, FEW_BC_RESNET),
    "baseline": Case({"kind": "baseline"}, 1_563),
    "baseline-spectral": Case({"kind": "baseline", "segments": 4, "features": {"kind": "spectral", "deltas": 1}}, 393),
    "bc_resnet-live": Case({"kind": "bc_resnet", "causal": True, "window_ms": 400}, 5_207, FEW_BC_RESNET),
    "ecapa_tdnn": Case(
        {
            "kind": "ecapa_tdnn",
            "channels": 16,
            "frame_channels": 24,
            "squeeze": 8,
            "head": {"kind": "embedding", "size": 12, "bottleneck": 8},
        },
        12_217,
    ),
    "cnnt": Case({"kind": "cnnt", "size": 32, "layers": 1, "dropout": 0.0, "transformer_dropout": 0.0}, 38_503),
    "voxseg": Case({"kind": "voxseg", "tile_hop": 8, "channels": [8, 16, 16], "hidden": 16, "dropout": 0.0}, 9_187),
    "uit": Case({"kind": "uit", "depth": 1, "size": 32, "max_s": 0.5}, 16_219),
    "uit-causal_attention": Case(
        {"kind": "uit", "depth": 1, "size": 32, "max_s": 0.5, "causal_attention": True}, 16_219
    ),
    "wav2vec2": Case(
        {
            "kind": "wav2vec2",
            "conv_channels": 16,
            "size": 16,
            "layers": 2,
            "heads": 2,
            "hidden": 32,
            "position_kernel": 8,
            "position_groups": 2,
            "dropout": 0.0,
        },
        10_174,
    ),
    "matchbox": Case({"kind": "matchbox", "blocks": 1, "channels": 32}, 42_947),
    "matchbox-live": Case({"kind": "matchbox", "blocks": 2, "repeats": 1, "causal": True, "window_ms": 400}, 64_195),
    "resnet-15": Case(
        {"kind": "resnet", "depth": 15, "channels": 8, "features": {"kind": "mfcc", "n_mfcc": 13}}, 7_587
    ),
    "resnet-live": Case({"kind": "resnet", "channels": 20, "causal": True, "window_ms": 400}, 21_843),
    "mobilenet": Case({"kind": "mobilenet", "width": 0.1, "embedding": 128}, 22_707, FEW_MOBILENET),
    "mobilenet-live": Case(
        {"kind": "mobilenet", "width": 0.1, "embedding": 128, "causal": True, "window_ms": 400}, 22_707, FEW_MOBILENET
    ),
    "panns": Case(
        {"kind": "panns", "channels": 8, "blocks": 3, "convs": 1, "block_dropout": 0.0, "dropout": 0.0}, 6_171
    ),
    # The suite's rate of learning is too high for a wide network without norms.
    "speaknet": Case({"kind": "speaknet", "width": 0.25}, 21_943),
    "m5net": Case({"kind": "m5net", "channels": 32}, 29_251),
    "m5net-live": Case({"kind": "m5net", "channels": 32, "causal": True, "window_ms": 400}, 29_251),
    "soundnet": Case({"kind": "soundnet", "width": 0.5}, 62_835),
    "tcn": Case({"kind": "tcn", **SMALL_TCN}, 10_499),
    "tcn-live": Case({"kind": "tcn", **SMALL_TCN, "causal": True, "window_ms": 400}, 10_499),
}
LIVE = [name for name, case in CASES.items() if case.config.get("causal")]
# The split at the features is tried on one network of each form: here on maps, and test_bundle.py has it on rows.
SPLIT = ("bc_resnet",)


@dataclass(frozen=True)
class Trained:
    """A network in evaluation mode after some steps on `tones`, and what it made of the clips it learned from."""

    model: Classifier
    loss: float
    accuracy: float


def tones(count: int, seconds: float = 0.4, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Clips with a burst of one of three tones somewhere in faint noise, and which tone it is."""
    draw = torch.Generator().manual_seed(seed)
    label_B = torch.arange(count) % len(TONES_HZ)
    time_N = torch.arange(round(seconds * RATE_HZ)) / RATE_HZ
    start_B1 = 0.5 * seconds * torch.rand(count, 1, generator=draw)
    burst_BN = (time_N >= start_B1) & (time_N < start_B1 + 0.4 * seconds)
    phase_B1 = 6.28 * torch.rand(count, 1, generator=draw)
    tone_BN = torch.sin(6.2832 * torch.tensor(TONES_HZ)[label_B, None] * time_N + phase_B1)
    noise_BN = 1e-3 * torch.randn(count, len(time_N), generator=draw)
    return 0.3 * tone_BN * burst_BN + noise_BN, label_B


def build(name: str) -> Classifier:
    """The network of a case with fresh weights, the same ones every time."""
    torch.manual_seed(0)
    case = CASES[name]
    with patch(*case.patch) if case.patch else nullcontext():
        return create(parse({**case.config, "outputs": len(TONES_HZ)}))


@cache
def learn(name: str) -> Trained:
    model = build(name)
    wav_BN, label_B = tones(24)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(40):
        optimizer.zero_grad()
        F.cross_entropy(model(wav_BN), label_B).backward()
        optimizer.step()
    model.eval().requires_grad_(False)
    logits_BK = model(wav_BN)
    accuracy = (logits_BK.argmax(1) == label_B).float().mean()
    return Trained(model, F.cross_entropy(logits_BK, label_B).item(), accuracy.item())


@cache
def graphs(name: str) -> dict[Role, OnnxGraph]:
    return export_graphs(learn(name).model, split_features=name in SPLIT)


@pytest.fixture(autouse=True)
def _repeatable() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)


def assert_close(actual: Tensor, wanted: Tensor, tolerance: float) -> None:
    """Equal up to a tolerance, times the largest wanted value where that is above 1: float32 rounds in proportion."""
    assert actual.shape == wanted.shape
    assert (actual - wanted).abs().max() <= tolerance * max(1.0, wanted.abs().max().item())


@pytest.fixture(scope="session")
def same() -> Callable[[Tensor, Tensor, float], None]:
    """`assert_close`, for test modules, which cannot import this file."""
    return assert_close


@pytest.fixture(params=CASES)
def name(request: pytest.FixtureRequest) -> str:
    """Each case in turn."""
    return request.param


@pytest.fixture
def case(name: str) -> Case:
    return CASES[name]


@pytest.fixture
def fresh(name: str) -> Classifier:
    """An untrained network in training mode."""
    return build(name)


@pytest.fixture
def trained(name: str) -> Trained:
    return learn(name)


@pytest.fixture
def clip_graph(name: str) -> OnnxGraph:
    return graphs(name)["model"]


@pytest.fixture(params=LIVE)
def live_name(request: pytest.FixtureRequest) -> str:
    """Each case that streams."""
    return request.param


@pytest.fixture
def live(live_name: str) -> LiveClassifier:
    """A trained network that streams."""
    model = learn(live_name).model
    assert isinstance(model, LiveClassifier)
    return model


@pytest.fixture
def step_graph(live_name: str) -> OnnxGraph:
    return graphs(live_name)["step"]


@pytest.fixture(scope="session")
def wav_BN() -> Tensor:
    """Three streams of 1.28 s: a whole number of hops for every network, and more than any window."""
    bursts_BN, _ = tones(9, seconds=0.4, seed=1)
    wav_BN = torch.cat([bursts_BN.reshape(3, -1), 1e-3 * torch.randn(3, 1280, generator=torch.Generator())], 1)
    return torch.tensor([[1.0], [0.1], [3.0]]) * wav_BN


@pytest.fixture(scope="session")
def cases() -> dict[str, Case]:
    return CASES


@pytest.fixture(params=SPLIT)
def split(request: pytest.FixtureRequest) -> tuple[Classifier, OnnxGraph, OnnxGraph]:
    """A network with its graphs up to the features and from there on."""
    name = request.param
    return learn(name).model, graphs(name)["frontend"], graphs(name)["body"]
