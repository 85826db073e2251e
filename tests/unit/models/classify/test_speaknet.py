import pytest
import torch
from pydantic import ValidationError
from torch import nn

from models.blocks.residual import Residual
from models.classify.speaknet import SpeakNet, SpeakNetConfig, build


def test_parameters_of_the_specification() -> None:
    """specs/classification.md 1.4: the body at 40 rows."""
    assert sum(parameter.numel() for parameter in SpeakNet(SpeakNetConfig(), rows=40).parameters()) == 337_552


@pytest.mark.parametrize(("frames", "embeddings"), [(101, 4), (32, 1), (20, 1), (1, 1)])
def test_32_frames_become_one(frames: int, embeddings: int) -> None:
    encoder = SpeakNet(SpeakNetConfig(), rows=40)
    assert encoder.stride == 32
    assert encoder(torch.randn(2, 40, frames)).shape == (2, 128, embeddings) == (2, encoder.channels, embeddings)


def test_convolutions_of_each_block() -> None:
    blocks = [part for part in SpeakNet(SpeakNetConfig(), rows=40) if isinstance(part, Residual)]
    widths = [
        [module.out_channels for module in block.main.modules() if isinstance(module, nn.Conv1d)] for block in blocks
    ]
    assert widths == [[16] * 2, [32] * 2, [64] * 3, [128] * 3, [128] * 3]


def test_answer_in_training_does_not_depend_on_the_batch() -> None:
    model = build(SpeakNetConfig(outputs=3, width=0.25, dropout=0.0)).train()
    wav_BN = torch.randn(4, 4000)
    torch.testing.assert_close(model(wav_BN)[:1], model(wav_BN[:1]), atol=1e-5, rtol=1e-4)


def test_has_no_causal_form() -> None:
    with pytest.raises(ValidationError, match="no causal form"):
        SpeakNetConfig(causal=True)
