import pytest
import torch
from pydantic import ValidationError
from torch import nn

from models import heads
from models.classify.ecapa_tdnn import Blocks, EcapaTdnn, EcapaTdnnConfig, Res2, SqueezeExcitation, build
from models.features import FeatureConfig


def body(channels: int, frame_channels: int, size: int, *, squeeze: int = 128, mels: int = 80, context: bool) -> int:
    """Parameters up to the embedding."""
    config = EcapaTdnnConfig(
        channels=channels,
        frame_channels=frame_channels,
        squeeze=squeeze,
        features=FeatureConfig(kind="melspec", n_mels=mels),
        head=heads.EmbeddingConfig(size=size, context=context),
        outputs=3,
    )
    with torch.device("meta"):
        model = build(config)
    assert isinstance(model.head, heads.EmbeddingHead)
    return count(model) - count(model.head.output)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(("channels", "paper", "exact"), [(512, 6_200_000, 6_191_168), (1024, 14_700_000, 14_657_536)])
def test_parameters_of_the_paper(channels: int, paper: int, exact: int) -> None:
    """Desplanques et al. 2020, table 1."""
    assert body(channels, 1536, 192, context=True) == exact
    assert round(exact, -5) == paper


@pytest.mark.parametrize(
    ("channels", "frame_channels", "size", "original"), [(64, 64, 64, 92_784), (512, 1536, 192, 6_084_160)]
)
def test_parameters_of_the_sound_kit(channels: int, frame_channels: int, size: int, original: int) -> None:
    """The kit gives no bias to a convolution before ReLU and batch norm, but one to the linear layer before a norm; its
    squeeze is half the channels, and its attention has neither a batch norm nor the clip's statistics."""
    biases = channels + 3 * (2 * channels + 7 * channels // 8)
    attention_norm = 2 * 128
    ours = body(channels, frame_channels, size, squeeze=channels // 2, mels=40, context=False)
    assert ours == original + biases + attention_norm - size
    context = 2 * frame_channels * 128
    assert body(channels, frame_channels, size, squeeze=channels // 2, mels=40, context=True) == ours + context


@pytest.mark.parametrize("frames", [1, 2, 21, 98])
def test_every_frame_stays(frames: int) -> None:
    config = EcapaTdnnConfig(channels=16, frame_channels=24, squeeze=8)
    assert EcapaTdnn(config, rows=40)(torch.randn(2, 40, frames)).shape == (2, 24, frames)


def test_res2_groups_see_ever_further() -> None:
    """The first group passes through, and group g sees g dilated steps to each side."""
    layer = Res2(16, dilation=3).eval()
    with torch.no_grad():
        for unit in layer.units:
            unit[0].conv.weight.fill_(1.0)  # pyright: ignore
            unit[0].conv.bias.zero_()  # pyright: ignore
    pulse_BCT = torch.zeros(1, 16, 65)
    pulse_BCT[..., 32] = 1.0
    reach = [int((group_BCT[0, 0] != 0).nonzero().max()) - 32 for group_BCT in layer(pulse_BCT).chunk(8, 1)]
    assert reach == [0, *(3 * group for group in range(1, 8))]


def test_squeeze_excitation_scales_channels_by_the_whole_clip() -> None:
    layer = SqueezeExcitation(6, 4)
    x_BCT = torch.randn(2, 6, 9)
    gate_BCT = layer(x_BCT) / x_BCT
    torch.testing.assert_close(gate_BCT, gate_BCT[..., :1].expand_as(gate_BCT))
    later_BCT = x_BCT.clone()
    later_BCT[..., -1] += 10
    assert not torch.allclose(layer(later_BCT)[..., 0], layer(x_BCT)[..., 0])


def test_each_block_gets_the_sum_of_all_before() -> None:
    blocks = Blocks(16, squeeze=8).eval()
    inputs, outputs = [], []
    for block in blocks.blocks:
        block.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
        block.register_forward_hook(lambda _, given, made: outputs.append(made))
    joined_BCT = blocks(torch.randn(2, 16, 30))
    torch.testing.assert_close(joined_BCT, torch.cat(outputs, 1))
    torch.testing.assert_close(inputs[1], inputs[0] + outputs[0])
    torch.testing.assert_close(inputs[2], inputs[0] + outputs[0] + outputs[1])


def test_embedding_of_a_clip_has_the_size_of_the_config() -> None:
    config = EcapaTdnnConfig(
        channels=16, frame_channels=24, squeeze=8, outputs=5, head=heads.EmbeddingConfig(size=12, cosine=True)
    )
    model = build(config).eval()
    wav_BN = torch.randn(3, 8000)
    embedding_BE = model.embed(wav_BN)
    assert embedding_BE.shape == (3, 12)
    torch.testing.assert_close(model.head.output(embedding_BE), model(wav_BN))
    assert model(wav_BN).abs().max() <= 1


def test_channels_must_make_eight_groups() -> None:
    with pytest.raises(ValidationError, match="multiple of 8"):
        EcapaTdnnConfig(channels=100)
