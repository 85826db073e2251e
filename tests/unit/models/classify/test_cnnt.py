import pytest
import torch
from pydantic import ValidationError
from torch.nn import functional as F

from models.classify.cnnt import Cnnt, CnntConfig, MaxPool, Moments
from models.features import FeatureConfig


def test_parameters_of_the_sound_kit() -> None:
    """The kit gives its convolutions biases that their batch norms take away again, and its last layer sees four frames
    of a clip of two seconds side by side, not their mean."""
    original, biases, frames = 143_536, 16 + 32 + 64, 3 * 64 * 256
    encoder = Cnnt(CnntConfig(), rows=40)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == original - biases - frames


@pytest.mark.parametrize(("frames", "wanted"), [(1, 1), (21, 1), (32, 1), (33, 2), (251, 8)])
@pytest.mark.parametrize("rows", [8, 40, 64])
def test_thirty_two_frames_become_one(rows: int, frames: int, wanted: int) -> None:
    encoder = Cnnt(CnntConfig(size=5, layers=1), rows)
    assert encoder.stride == 32
    assert encoder(torch.randn(2, rows, frames)).shape == (2, 5, wanted)


def test_pool_loses_no_frame() -> None:
    x_BCFT = torch.randn(1, 1, 6, 10) - 5
    wanted_BCFT = F.max_pool2d(x_BCFT, (2, 4), ceil_mode=True)
    assert torch.equal(MaxPool(2, 4)(x_BCFT), wanted_BCFT)
    assert torch.equal(MaxPool(None, 4)(x_BCFT), wanted_BCFT.amax(2, keepdim=True))


def test_transformer_does_not_know_the_order_of_time() -> None:
    """The mean over layers without positions: moving whole pooled frames about changes nothing."""
    branch = Moments(rows=40, layers=2, dropout=0.4).eval()
    feat_BFT = torch.randn(2, 40, 24)
    turned_BFT = feat_BFT.unflatten(-1, (6, 4)).flip(-2).flatten(-2)
    torch.testing.assert_close(branch(turned_BFT), branch(feat_BFT))
    assert branch(feat_BFT).shape == (2, 20)


def test_convolutions_know_the_order_of_time() -> None:
    encoder = Cnnt(CnntConfig(layers=1), rows=40).eval()
    feat_BFT = torch.randn(2, 40, 64)
    turned_BFT = feat_BFT.unflatten(-1, (16, 4)).flip(-2).flatten(-2)
    assert not torch.allclose(encoder(turned_BFT).mean(-1), encoder(feat_BFT).mean(-1), atol=1e-4)


def test_rows_must_fit_the_heads() -> None:
    with pytest.raises(ValidationError, match="multiple of 8 feature rows, features give 20"):
        CnntConfig(features=FeatureConfig(kind="mfcc", n_mfcc=20))
