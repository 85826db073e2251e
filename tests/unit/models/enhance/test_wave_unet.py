import pytest
import torch
from pydantic import ValidationError
from torch import nn

from models.enhance.wave_unet import WaveUnet, WaveUnetConfig, build, double
from sonant.measure import params

ORIGINAL = WaveUnetConfig(depth=12, growth="add", skip="concat", bottom=True)


def test_published_size_but_for_the_norm_behind_the_output() -> None:
    assert params.of_model(build(WaveUnetConfig())) == 1_962_195 - 2


def test_widths_of_the_original() -> None:
    assert ORIGINAL.widths == [24 * level for level in range(1, 13)]
    with torch.device("meta"):
        model = build(ORIGINAL)
    wanted = [2 * 288, *(24 * (2 * level + 1) for level in range(11, 0, -1))]
    assert [layer.in_channels for layer in model.up.modules() if isinstance(layer, nn.Conv1d)] == wanted


@pytest.mark.parametrize("config", [WaveUnetConfig(hidden=2), WaveUnetConfig(hidden=2, skip="concat", bottom=True)])
def test_every_weight_takes_part(config: WaveUnetConfig) -> None:
    model = build(config)
    model(torch.randn(2, 500)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_nothing_bends_the_output() -> None:
    """Its last layer is a convolution: upside down weights give the wave upside down."""
    torch.manual_seed(0)
    for config in (WaveUnetConfig(hidden=2), WaveUnetConfig(hidden=2, skip="concat")):
        model, wav_BN = build(config).eval(), torch.randn(2, 500)
        out_BN = model(wav_BN)
        last = model.up[-1] if model.output is None else model.output
        assert isinstance(last, nn.Conv1d)
        with torch.no_grad():
            last.weight.neg_()
            assert last.bias is not None
            last.bias.neg_()
        assert torch.allclose(model(wav_BN), -out_BN, atol=1e-6)


def test_doubling_leaves_samples_where_they_are() -> None:
    assert double(torch.tensor([[[1.0, 3.0, 2.0]]]))[0, 0].tolist() == [1, 2, 3, 2.5, 2, 2]


def test_later_sound_of_a_longer_recording_is_far_from_the_start() -> None:
    """No length decides where a sample is: what is out of reach changes nothing but the level."""
    torch.manual_seed(0)
    model: WaveUnet = build(WaveUnetConfig(hidden=2)).eval()
    wav_BN = torch.randn(1, 2048).sign()
    long_BN = torch.cat([wav_BN, torch.randn(1, 3000).sign()], 1)
    assert torch.allclose(model(long_BN)[:, :1024], model(wav_BN)[:, :1024], atol=1e-5)


def test_even_kernels_are_refused() -> None:
    with pytest.raises(ValidationError, match="down_kernel=14 must be odd"):
        WaveUnetConfig(down_kernel=14)
