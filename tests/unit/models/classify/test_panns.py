from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from models.classify.panns import Panns, PannsConfig, build

# What the published networks have besides: a hidden layer and the 527 labels of AudioSet.
LABELS = 527


@pytest.mark.parametrize(
    ("config", "channels", "published"),
    [
        ({"convs": 1, "kernel": 5}, 512, 4_837_455),
        ({}, 512, 5_219_279),
        ({"blocks": 6}, 2048, 80_753_615),
    ],
    ids=["cnn6", "cnn10", "cnn14"],
)
def test_parameters_of_the_authors_networks(config: dict[str, Any], channels: int, published: int) -> None:
    hidden = channels * channels + channels
    with torch.device("meta"):
        model = build(PannsConfig(outputs=LABELS, **config))
    assert sum(parameter.numel() for parameter in model.parameters()) == published - hidden


@pytest.mark.parametrize("frames", [1, 13, 16, 101])
@pytest.mark.parametrize("rows", [40, 64])
def test_three_of_four_blocks_halve_time(rows: int, frames: int) -> None:
    encoder = Panns(PannsConfig(channels=4), rows).eval()
    assert encoder.stride == 8
    assert (
        encoder(torch.randn(2, rows, frames)).shape
        == (2, 32, -(-frames // 8))
        == (2, encoder.channels, -(-frames // 8))
    )


def test_whole_channels_are_dropped() -> None:
    encoder = Panns(PannsConfig(channels=4, blocks=2, block_dropout=0.5), 16)
    (drop,) = (part for part in encoder if isinstance(part, nn.Dropout2d))
    seen_BCFT = drop(torch.ones(8, 16, 4, 4))
    assert set(seen_BCFT.mean((2, 3)).flatten().tolist()) == {0.0, 2.0}


def test_rows_must_last_for_all_blocks() -> None:
    PannsConfig(blocks=6, features=PannsConfig().features.model_copy(update={"n_mels": 32}))
    with pytest.raises(ValidationError, match="6 blocks need 32 feature rows or more, features give 31"):
        PannsConfig(blocks=6, features=PannsConfig().features.model_copy(update={"n_mels": 31}))


def test_has_no_causal_form() -> None:
    with pytest.raises(ValidationError, match="no causal form"):
        PannsConfig(causal=True)
