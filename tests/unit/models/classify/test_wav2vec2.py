from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file
from torch import Tensor, nn

from models.classify.base import Classifier
from models.classify.wav2vec2 import Frames, Wav2Vec2, Wav2Vec2Config, architecture, build

pytestmark = pytest.mark.skipif(find_spec("torchaudio") is None, reason="the pretrained extra is not installed")

TINY: dict[str, Any] = {
    "outputs": 3,
    "conv_channels": 8,
    "size": 12,
    "layers": 3,
    "heads": 2,
    "hidden": 16,
    "position_kernel": 8,
    "position_groups": 2,
}


def tiny(**changes: Any) -> Wav2Vec2Config:
    return Wav2Vec2Config.model_validate(TINY | changes)


def frames_of(model: Classifier) -> Frames:
    (frames,) = model.encoder
    assert isinstance(frames, Frames)
    return frames


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_of_the_paper() -> None:
    """The kit's encoder has 94,370,944; ours also a weight for each layer and for what goes into the first."""
    with torch.device("meta"):
        model = build(Wav2Vec2Config(outputs=8))
    assert count(model.encoder) == 94_370_944 + 12 + 1
    large = {"size": 1024, "layers": 24, "heads": 16, "hidden": 4096, "norm_first": True}
    with torch.device("meta"):
        model = build(Wav2Vec2Config.model_validate({"outputs": 8, **large}))
    assert round(count(model.encoder), -6) == 315_000_000  # Baevski et al. 2020, section 4.2: 317 M with pretraining


@pytest.mark.parametrize("norm_first", [False, True])
def test_layers_are_those_of_torchaudio(norm_first: bool) -> None:
    frames = Frames(tiny(norm_first=norm_first)).eval()
    wav_BN = torch.randn(2, 4000)
    theirs, _ = frames.network.extract_features(wav_BN)
    first, *ours = frames.outputs(wav_BN)
    assert first.shape == ours[0].shape == (2, 12, 12)
    for mine_BTD, wanted_BTD in zip(ours[:-1], theirs[:-1], strict=True):
        torch.testing.assert_close(mine_BTD, wanted_BTD)
    torch.testing.assert_close(ours[-1], frames.network(wav_BN)[0])


def test_mix_is_a_weighted_sum_that_is_learned() -> None:
    frames = Frames(tiny()).eval()
    wav_B1N = torch.randn(2, 1, 4000)
    layers = torch.stack(list(frames.outputs(wav_B1N.squeeze(1))))
    torch.testing.assert_close(frames(wav_B1N), layers.mean(0).transpose(1, 2))
    with torch.no_grad():
        frames.mix.copy_(torch.tensor([0.0, 0.0, 30.0, 0.0]))
    torch.testing.assert_close(frames(wav_B1N), layers[2].transpose(1, 2))
    frames(wav_B1N).square().sum().backward()
    assert frames.mix.grad is not None


@pytest.mark.parametrize(("samples", "wanted"), [(400, 1), (3200, 9), (16_000, 49)])
def test_twenty_ms_become_one(samples: int, wanted: int) -> None:
    encoder = Wav2Vec2(tiny())
    assert encoder.stride == 320
    assert encoder(torch.randn(2, 1, samples)).shape == (2, 12, wanted)


@pytest.mark.parametrize(
    ("changes", "trained"),
    [
        ({}, {"feature_extractor", "feature_projection", "pos_conv_embed", "layer_norm", "0", "1", "2", "mix"}),
        ({"freeze_encoder": True}, {"feature_projection", "pos_conv_embed", "layer_norm", "0", "1", "2", "mix"}),
        ({"freeze_layers": 2}, {"2", "mix"}),
        ({"freeze_layers": 2, "norm_first": True}, {"layer_norm", "2", "mix"}),
        ({"freeze_layers": 3}, {"mix"}),
        ({"freeze_layers": 3, "norm_first": True}, {"mix"}),
    ],
)
def test_frozen_parts_do_not_learn(changes: dict[str, Any], trained: set[str]) -> None:
    frames = Frames(tiny(pretrained="w.safetensors", **changes))
    names = [name for name, parameter in frames.named_parameters() if parameter.requires_grad]
    short = [name.replace("network.", "").replace("encoder.", "").replace("transformer.", "") for name in names]
    assert {name.removeprefix("layers.").split(".")[0] for name in short} == trained


def test_what_is_frozen_has_no_dropout() -> None:
    wav_BN = torch.randn(2, 4000)
    frozen = Frames(tiny(pretrained="w.safetensors", freeze_layers=3, dropout=0.5)).train()
    assert torch.equal(frozen(wav_BN[:, None]), frozen(wav_BN[:, None]))
    partly = Frames(tiny(pretrained="w.safetensors", freeze_layers=2, dropout=0.5)).train()
    first, second = list(partly.outputs(wav_BN)), list(partly.outputs(wav_BN))
    assert [torch.equal(a, b) for a, b in zip(first, second, strict=True)] == [True, True, True, False]
    assert partly.training
    assert not torch.equal(*[Frames(tiny(dropout=0.5)).train()(wav_BN[:, None]) for _ in range(2)])


def saved(tmp_path: Path, weights: dict[str, Tensor]) -> str:
    path = tmp_path / "w.safetensors"
    save_file({name: value.contiguous() for name, value in weights.items()}, path)
    return str(path)


def test_pretrained_weights_are_loaded_when_asked_for(tmp_path: Path) -> None:
    """Not when the network is made: one that is loaded from a bundle needs no other file."""
    source = architecture(tiny(layers=4))
    path = saved(tmp_path, source.state_dict())
    model = build(tiny(pretrained=path)).eval()
    wav_BN = torch.randn(2, 4000)
    before_BTD = frames_of(model).network(wav_BN)[0]
    model.load_pretrained()
    after_BTD = frames_of(model).network(wav_BN)[0]
    assert not torch.allclose(before_BTD, after_BTD)
    theirs, _ = source.eval().extract_features(wav_BN, num_layers=3)
    torch.testing.assert_close(after_BTD, theirs[-1])
    build(tiny(pretrained="/absent"))
    build(tiny()).load_pretrained()


def test_pretrained_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, architecture(tiny(layers=2)).state_dict())
    with pytest.raises(ValueError, match=r"does not fit the config: encoder\.transformer\.layers\.2.* is missing"):
        build(tiny(pretrained=path)).load_pretrained()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": {"kind": "melspec"}}, "use features.kind=raw"),
        ({"heads": 5}, "multiple of heads=5"),
        ({"position_groups": 5}, "multiple of position_groups=5"),
        ({"pretrained": "w", "freeze_layers": 4}, "exceeds layers=3"),
        ({"freeze_layers": 1}, "freeze only what is pretrained"),
        ({"freeze_encoder": True}, "freeze only what is pretrained"),
        ({"pretrained": "hub:base"}, "is no hub name"),
    ],
)
def test_configs_that_cannot_work_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        tiny(**changes)
