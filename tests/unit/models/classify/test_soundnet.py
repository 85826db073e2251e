import pytest
import torch
from pydantic import ValidationError
from torch import nn

from models.classify.soundnet import SoundNet, SoundNetConfig, build


def test_parameters_of_the_specification() -> None:
    """specs/classification.md 1.4: 248,272, of which 496 are biases in front of a batch norm, which takes them away."""
    encoder = SoundNet(SoundNetConfig())
    biases = 16 + 32 + 64 + 128 + 256
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 248_272 - biases


@pytest.mark.parametrize(("samples", "frames"), [(2048, 1), (3200, 2), (16_000, 8), (20_480, 10), (100, 1)])
def test_2048_samples_become_one_embedding(samples: int, frames: int) -> None:
    encoder = SoundNet(SoundNetConfig()).eval()
    assert encoder.stride == 2048
    assert encoder(torch.randn(2, 1, samples)).shape == (2, 256, frames) == (2, encoder.channels, frames)


def test_layers_of_the_paper() -> None:
    convs = [module for module in SoundNet(SoundNetConfig()).modules() if isinstance(module, nn.Conv1d)]
    assert [conv.kernel_size[0] for conv in convs] == [64, 32, 16, 8, 4]
    assert {conv.stride[0] for conv in convs} == {2}


def test_every_channel_reaches_the_head_by_itself() -> None:
    """The original averaged channels in pairs; here time alone is averaged."""
    model = build(SoundNetConfig(outputs=3)).eval()
    emb_BDT = torch.randn(1, 256, 4)
    logits_BK = model.head(emb_BDT)
    for shift in (1, 2):
        torch.testing.assert_close(model.head(emb_BDT.roll(shift, 2)), logits_BK)
        assert not torch.allclose(model.head(emb_BDT.roll(shift, 1)), logits_BK, atol=1e-2)


def test_has_no_causal_form() -> None:
    with pytest.raises(ValidationError, match="no causal form"):
        SoundNetConfig(causal=True)
