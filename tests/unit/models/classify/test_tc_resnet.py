import pytest
import torch

from models.classify.tc_resnet import TcResNet, TcResNetConfig, build

PAPER = [
    # Choi et al. 2019, table 1, counts all four numbers of a batch norm channel and no bias in the last layer.
    (8, 1.0, 66_000, 65_180),
    (14, 1.0, 137_000, 135_868),
    (14, 1.5, 305_000, 303_012),
]


@pytest.mark.parametrize(("variant", "width", "paper", "trained"), PAPER)
@pytest.mark.parametrize("causal", [False, True])
def test_parameters_of_the_paper(variant: int, width: float, paper: int, trained: int, causal: bool) -> None:
    model = build(TcResNetConfig(variant=variant, width=width, outputs=12, causal=causal))  # pyright: ignore[reportArgumentType]
    assert sum(parameter.numel() for parameter in model.parameters()) == trained
    statistics = sum(value.numel() for name, value in model.named_buffers() if ".running_" in name)
    bias = 12
    assert round(trained + statistics - bias, -3) == paper


@pytest.mark.parametrize("variant", [8, 14])
@pytest.mark.parametrize(("frames", "clip", "live"), [(98, 13, 12), (101, 13, 12), (16, 2, 2)])
def test_eight_frames_become_one(variant: int, frames: int, clip: int, live: int) -> None:
    for causal, wanted in ((False, clip), (True, live)):
        encoder = TcResNet(TcResNetConfig(variant=variant, causal=causal), rows=40)  # pyright: ignore[reportArgumentType]
        assert encoder.stride == 8
        assert encoder(torch.randn(2, 40, frames)).shape == (2, encoder.channels, wanted)


def test_shortcut_is_a_convolution_of_one_frame_where_the_width_grows() -> None:
    encoder = TcResNet(TcResNetConfig(variant=14), rows=40)
    kernels = {name: tuple(value.shape) for name, value in encoder.named_parameters() if "shortcut.0.conv" in name}
    assert kernels == {
        "3.shortcut.0.conv.weight": (24, 16, 1),
        "5.shortcut.0.conv.weight": (32, 24, 1),
        "7.shortcut.0.conv.weight": (48, 32, 1),
    }


def test_sees_rows_as_channels() -> None:
    with_deltas = TcResNetConfig.model_validate({"outputs": 3, "features": {"kind": "mfcc", "n_mfcc": 13, "deltas": 2}})
    assert build(with_deltas)(torch.randn(1, 8000)).shape == (1, 3)
