from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from models.classify.m5net import M5Net, M5NetConfig

SPEC = [
    # specs/classification.md 1.4: the body at n channels. There every convolution has a bias, and the batch norm right
    # after takes it away again; without these 6 n numbers, which nothing trains, ours is the same.
    (64, 105_600),
    (32, 29_248),
]


@pytest.mark.parametrize(("channels", "spec"), SPEC)
@pytest.mark.parametrize("causal", [False, True])
def test_parameters_of_the_specification(channels: int, spec: int, causal: bool) -> None:
    encoder = M5Net(M5NetConfig(channels=channels, causal=causal))
    assert sum(parameter.numel() for parameter in encoder.parameters()) == spec - 6 * channels


@pytest.mark.parametrize(("rate_hz", "kernel"), [(16_000, 160), (8_000, 80)])
def test_first_kernel_spans_ten_milliseconds(rate_hz: int, kernel: int) -> None:
    config = M5NetConfig.model_validate({"features": {"kind": "raw", "sample_rate_hz": rate_hz}})
    convs = [module for module in M5Net(config).modules() if isinstance(module, nn.Conv1d)]
    assert [(conv.kernel_size[0], conv.stride[0]) for conv in convs] == [(kernel, 16), (5, 1), (3, 1), (3, 1)]


@pytest.mark.parametrize(("samples", "clip", "live"), [(16_384, 16, 16), (16_000, 16, 15), (3_200, 4, 3), (100, 1, 0)])
@pytest.mark.parametrize("first_stride", [16, 4])
def test_time_shrinks_by_64_strides(samples: int, clip: int, live: int, first_stride: int) -> None:
    for causal, wanted in ((False, clip), (True, live)):
        encoder = M5Net(M5NetConfig(channels=4, first_stride=first_stride, causal=causal)).eval()
        assert encoder.stride == 64 * first_stride
        if wanted:
            wav_B1N = torch.randn(2, 1, samples * first_stride // 16)
            assert encoder(wav_B1N).shape == (2, 8, wanted) == (2, encoder.channels, wanted)


def test_pools_stream() -> None:
    encoder = M5Net(M5NetConfig(channels=4, causal=True)).eval()
    wav_B1N = torch.randn(2, 1, 4 * encoder.stride)
    state = encoder.init_state(2)
    parts: list[torch.Tensor] = []
    for chunk_B1N in wav_B1N.split([encoder.stride, 3 * encoder.stride], -1):
        emb_BDT, state = encoder.step(chunk_B1N, state)
        parts.append(emb_BDT)
    torch.testing.assert_close(torch.cat(parts, -1), encoder(wav_B1N))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"features": {"kind": "mfcc"}}, "takes the wave itself, not mfcc: use features.kind=raw"),
        ({"causal": True, "window_ms": 127}, "must hold two frames of 64 ms"),
    ],
)
def test_wrong_configs_are_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        M5NetConfig.model_validate(data)
