"""The registry of networks: one table from `kind` to its config type and its factory.

`create(config)` is the only way the platform builds a network. Adding one is a row in SPECS and its config in the
union of its job, ModelConfig, ExtractModelConfig or EnhanceModelConfig: nothing registers itself on import.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, overload

from pydantic import Field, TypeAdapter
from torch import nn

from models.base import NetworkConfig
from models.classify import (
    baseline,
    bc_resnet,
    cnnt,
    ecapa_tdnn,
    m5net,
    matchbox,
    mobilenet,
    panns,
    resnet,
    soundnet,
    speaknet,
    tc_resnet,
    tcn,
    uit,
    voxseg,
    wav2vec2,
)
from models.classify.base import Classifier
from models.classify.baseline import BaselineConfig
from models.classify.bc_resnet import BcResNetConfig
from models.classify.cnnt import CnntConfig
from models.classify.ecapa_tdnn import EcapaTdnnConfig
from models.classify.m5net import M5NetConfig
from models.classify.matchbox import MatchboxConfig
from models.classify.mobilenet import MobileNetConfig
from models.classify.panns import PannsConfig
from models.classify.resnet import ResNetConfig
from models.classify.soundnet import SoundNetConfig
from models.classify.speaknet import SpeakNetConfig
from models.classify.tc_resnet import TcResNetConfig
from models.classify.tcn import TcnConfig
from models.classify.uit import UitConfig
from models.classify.voxseg import VoxsegConfig
from models.classify.wav2vec2 import Wav2Vec2Config
from models.enhance import demucs, dual_path, gatewave, wave_unet
from models.enhance.base import Enhancer
from models.enhance.demucs import DemucsConfig
from models.enhance.dual_path import DualPathConfig
from models.enhance.gatewave import GateWaveConfig
from models.enhance.wave_unet import WaveUnetConfig
from models.extract import causal, spex
from models.extract.base import Extractor
from models.extract.causal import CausalExtractorConfig
from models.extract.spexplus import SpexPlusConfig
from models.extract.spexplus_short import SpexPlusShortConfig

AnyConfig = (
    TcResNetConfig
    | BcResNetConfig
    | MatchboxConfig
    | ResNetConfig
    | MobileNetConfig
    | PannsConfig
    | SpeakNetConfig
    | M5NetConfig
    | SoundNetConfig
    | EcapaTdnnConfig
    | CnntConfig
    | VoxsegConfig
    | UitConfig
    | Wav2Vec2Config
    | BaselineConfig
    | TcnConfig
)
ModelConfig = Annotated[AnyConfig, Field(discriminator="kind")]
"""Networks whose answers are labels, of clips or of frames."""

AnyExtractConfig = CausalExtractorConfig | SpexPlusConfig | SpexPlusShortConfig
ExtractModelConfig = Annotated[AnyExtractConfig, Field(discriminator="kind")]
"""Networks whose answer is a voice."""

AnyEnhanceConfig = DemucsConfig | WaveUnetConfig | GateWaveConfig | DualPathConfig
EnhanceModelConfig = Annotated[AnyEnhanceConfig, Field(discriminator="kind")]
"""Networks whose answer is speech without its noise."""

AnyNetworkConfig = Annotated[AnyConfig | AnyExtractConfig | AnyEnhanceConfig, Field(discriminator="kind")]


@dataclass(frozen=True)
class ModelSpec:
    """One network: its tag, the job it does, the config type that describes it and how to build it from one."""

    kind: str
    job: str
    config_type: type[NetworkConfig]
    factory: Callable[[Any], nn.Module]
    paper: str
    needs: str | None = None
    """A package beyond the core's that building it takes."""


SPECS: dict[str, ModelSpec] = {
    spec.kind: spec
    for spec in (
        ModelSpec("tc_resnet", "classify", TcResNetConfig, tc_resnet.build, "Choi et al. 2019, arXiv:1904.03814"),
        ModelSpec("bc_resnet", "classify", BcResNetConfig, bc_resnet.build, "Kim et al. 2021, arXiv:2106.04140"),
        ModelSpec(
            "ecapa_tdnn", "classify", EcapaTdnnConfig, ecapa_tdnn.build, "Desplanques et al. 2020, arXiv:2005.07143"
        ),
        ModelSpec("cnnt", "classify", CnntConfig, cnnt.build, "a pattern of public emotion recognition code, no paper"),
        ModelSpec("voxseg", "classify", VoxsegConfig, voxseg.build, "Wilkinson & Niesler 2021, arXiv:2103.03529"),
        ModelSpec("uit", "classify", UitConfig, uit.build, "Dinkel et al. 2023, ICASSP"),
        ModelSpec(
            "wav2vec2",
            "classify",
            Wav2Vec2Config,
            wav2vec2.build,
            "Baevski et al. 2020, arXiv:2006.11477",
            needs="torchaudio",
        ),
        ModelSpec(
            "matchbox", "classify", MatchboxConfig, matchbox.build, "Majumdar and Ginsburg 2020, arXiv:2004.08531"
        ),
        ModelSpec("resnet", "classify", ResNetConfig, resnet.build, "Tang and Lin 2018, arXiv:1710.10361"),
        ModelSpec("mobilenet", "classify", MobileNetConfig, mobilenet.build, "Sandler et al. 2018, arXiv:1801.04381"),
        ModelSpec("panns", "classify", PannsConfig, panns.build, "Kong et al. 2020, arXiv:1912.10211"),
        ModelSpec(
            "speaknet", "classify", SpeakNetConfig, speaknet.build, "Badine 2020, Keras example of speaker recognition"
        ),
        ModelSpec("m5net", "classify", M5NetConfig, m5net.build, "Dai et al. 2017, arXiv:1610.00087"),
        ModelSpec("soundnet", "classify", SoundNetConfig, soundnet.build, "Aytar et al. 2016, arXiv:1610.09001"),
        ModelSpec("baseline", "classify", BaselineConfig, baseline.build, "multinomial logistic regression"),
        ModelSpec("tcn", "detect", TcnConfig, tcn.build, "Bai et al. 2018, arXiv:1803.01271"),
        ModelSpec(
            "causal_extractor",
            "extract",
            CausalExtractorConfig,
            causal.build,
            "Luo and Mesgarani 2019, arXiv:1809.07454, with narrow filters",
        ),
        ModelSpec("spexplus", "extract", SpexPlusConfig, spex.build, "Ge et al. 2020, arXiv:2005.04686"),
        ModelSpec(
            "spexplus_short",
            "extract",
            SpexPlusShortConfig,
            spex.build,
            "Ge et al. 2020, arXiv:2005.04686, one scale in windows with a memory, no paper",
        ),
        ModelSpec("demucs", "enhance", DemucsConfig, demucs.build, "Defossez et al. 2020, arXiv:2006.12847"),
        ModelSpec("wave_unet", "enhance", WaveUnetConfig, wave_unet.build, "Stoller et al. 2018, arXiv:1806.03185"),
        ModelSpec("gatewave", "enhance", GateWaveConfig, gatewave.build, "a public denoiser, no paper"),
        ModelSpec(
            "dual_path",
            "enhance",
            DualPathConfig,
            dual_path.build,
            "Luo et al. 2020, arXiv:1910.06379, along time, with mixed bands along frequency",
        ),
    )
}

# The two widths of the research system, and its memories with their sizes at both.
_SPEX = {"base": {"speakers": 256}, "small": {"speakers": 256, "channels": 192, "hidden": 384, "voice_size": 75}}
_CHUNK_MEMORIES: dict[str, dict[str, dict[str, Any]]] = {
    "none": {"base": {"kind": "none"}, "small": {"kind": "none"}},
    "rnn": {"base": {"kind": "rnn"}, "small": {"kind": "rnn"}},
    **{
        f"gru{version}": {
            "base": {"kind": "gru", "version": version, "size": 128},
            "small": {"kind": "gru", "version": version, "size": 96},
        }
        for version in range(4)
    },
    "cache": {"base": {"kind": "cache", "size": 128}, "small": {"kind": "cache", "size": 96}},
    "special_channels": {
        "base": {"kind": "special_channels", "size": 64},
        "small": {"kind": "special_channels", "size": 64},
    },
}

# The sizes that papers report, by the names they use: what `sonant models` lists.
VARIANTS: dict[str, dict[str, Any]] = {
    "tc_resnet8": {"kind": "tc_resnet", "variant": 8},
    "tc_resnet8-1.5": {"kind": "tc_resnet", "variant": 8, "width": 1.5},
    "tc_resnet14": {"kind": "tc_resnet", "variant": 14},
    "tc_resnet14-1.5": {"kind": "tc_resnet", "variant": 14, "width": 1.5},
    "bc_resnet-1": {"kind": "bc_resnet", "tau": 1},
    "bc_resnet-1.5": {"kind": "bc_resnet", "tau": 1.5},
    "bc_resnet-2": {"kind": "bc_resnet", "tau": 2},
    "bc_resnet-3": {"kind": "bc_resnet", "tau": 3},
    "bc_resnet-6": {"kind": "bc_resnet", "tau": 6},
    "bc_resnet-8": {"kind": "bc_resnet", "tau": 8},
    "matchbox-3x1x64": {"kind": "matchbox", "repeats": 1},
    "matchbox-3x2x64": {"kind": "matchbox"},
    "matchbox-6x2x64": {"kind": "matchbox", "blocks": 6},
    "res8": {"kind": "resnet", "depth": 8},
    "res8-narrow": {"kind": "resnet", "depth": 8, "channels": 19},
    "res15": {"kind": "resnet", "depth": 15},
    "res15-narrow": {"kind": "resnet", "depth": 15, "channels": 19},
    "res26": {"kind": "resnet", "depth": 26},
    "res26-narrow": {"kind": "resnet", "depth": 26, "channels": 19},
    "mobilenet": {"kind": "mobilenet"},
    "mobilenet-0.5": {"kind": "mobilenet", "width": 0.5},
    "mobilenet-0.35": {"kind": "mobilenet", "width": 0.35},
    "mobilenet-0.35-keyword": {"kind": "mobilenet", "width": 0.35, "embedding": 128},
    "mobilenet-0.1-keyword": {"kind": "mobilenet", "width": 0.1, "embedding": 128},
    "panns-cnn6": {"kind": "panns", "convs": 1, "kernel": 5},
    "panns-cnn10": {"kind": "panns"},
    "panns-cnn14": {"kind": "panns", "blocks": 6},
    "speaknet": {"kind": "speaknet"},
    "m5net-64": {"kind": "m5net"},
    "m5net-32": {"kind": "m5net", "channels": 32},
    "soundnet": {"kind": "soundnet"},
    "ecapa_tdnn-512": {"kind": "ecapa_tdnn", "channels": 512},
    "ecapa_tdnn-1024": {"kind": "ecapa_tdnn", "channels": 1024},
    "cnnt": {"kind": "cnnt"},
    "voxseg": {"kind": "voxseg"},
    "uit-3xs": {"kind": "uit", "depth": 4},
    "uit-2xs": {"kind": "uit", "depth": 6},
    "uit-xs": {"kind": "uit", "depth": 12},
    "wav2vec2-base": {"kind": "wav2vec2"},
    "baseline": {"kind": "baseline"},
    "baseline-1": {"kind": "baseline", "segments": 1},
    "tcn-64": {"kind": "tcn", "head": {"kind": "framewise"}},
    **{
        f"causal_extractor-{name}": {"kind": "causal_extractor", "memory": {"kind": name}}
        for name in ("none", "vector_gru", "channel_gru", "gated_cache", "special_channels")
    },
    "causal_extractor-10ms": {"kind": "causal_extractor", "latency_ms": 10},
    "causal_extractor-2.5ms": {"kind": "causal_extractor", "latency_ms": 2.5, "hops_per_frame": 2},
    "causal_extractor-fourier": {"kind": "causal_extractor", "basis": {"kind": "fourier"}},
    **{f"spexplus-{width}": {"kind": "spexplus", **sizes} for width, sizes in _SPEX.items()},
    **{
        f"spexplus_short-{width}-{name}": {"kind": "spexplus_short", **sizes, "memory": memories[width]}
        for width, sizes in _SPEX.items()
        for name, memories in _CHUNK_MEMORIES.items()
    },
    "demucs-48": {"kind": "demucs"},
    "demucs-64": {"kind": "demucs", "hidden": 64},
    "demucs-48-bidirectional": {"kind": "demucs", "causal": False},
    "demucs-64-bidirectional": {"kind": "demucs", "hidden": 64, "causal": False},
    "gatewave": {"kind": "gatewave"},
    "gatewave-causal": {"kind": "gatewave", "causal": True, "look_ahead": False},
    "wave_unet": {"kind": "wave_unet"},
    "wave_unet-12": {"kind": "wave_unet", "depth": 12, "growth": "add", "skip": "concat", "bottom": True},
    "dual_path": {"kind": "dual_path"},
    "dual_path-tiny": {"kind": "dual_path", "channels": 24, "hidden": 24},
}


@overload
def create(config: AnyConfig) -> Classifier: ...
@overload
def create(config: AnyExtractConfig) -> Extractor: ...
@overload
def create(config: AnyEnhanceConfig) -> Enhancer: ...
def create(config: AnyConfig | AnyExtractConfig | AnyEnhanceConfig) -> nn.Module:
    """Builds the network that a config describes, with fresh weights."""
    return SPECS[config.kind].factory(config)


def parse(data: Mapping[str, Any]) -> AnyConfig | AnyExtractConfig | AnyEnhanceConfig:
    """Checks plain data, with its `kind`, against the config type of that network."""
    return TypeAdapter[AnyConfig | AnyExtractConfig | AnyEnhanceConfig](AnyNetworkConfig).validate_python(dict(data))
