import pytest
import torch
from pydantic import ValidationError
from torch import nn

from models.classify.voxseg import Tiles, Voxseg, VoxsegConfig, build, left
from models.features import FeatureConfig
from models.heads import FramesHead

SMALL = VoxsegConfig(channels=(2, 3, 4), hidden=5, outputs=2)


def count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_of_the_sound_kit() -> None:
    """The kit takes a clip of two seconds (251 frames) as one tile: its layer after the convolutions is that wide."""
    original = 1_912_832
    assert (left(40), left(251), left(32)) == (3, 29, 2)
    assert count(Voxseg(VoxsegConfig(), rows=40)) == original - (3 * 29 - 3 * 2) * 128 * 128


def test_parameters_of_the_published_tiles() -> None:
    """With 32 x 32 tiles; the paper reports 531 k for a search result whose exact layers we have no source for."""
    convolutions = (25 + 1) * 64 + (9 * 64 + 1) * 128 + (9 * 128 + 1) * 128
    dense = (2 * 2 * 128 + 1) * 128
    lstm = 2 * 4 * 128 * (128 + 128 + 2)
    model = build(VoxsegConfig(outputs=2))
    assert count(model) == convolutions + dense + lstm + (256 + 1) * 2 == 553_474


@pytest.mark.parametrize(("hop", "frames", "wanted"), [(32, 1, 1), (32, 32, 1), (32, 33, 2), (8, 21, 3), (1, 40, 40)])
def test_a_label_every_hop(hop: int, frames: int, wanted: int) -> None:
    encoder = Voxseg(SMALL.model_copy(update={"tile_hop": hop}), rows=32)
    assert encoder.stride == hop
    assert encoder(torch.randn(2, 32, frames)).shape == (2, 10, wanted)


@pytest.mark.parametrize("hop", [1, 7, 8, 32])
def test_tile_has_its_hop_in_the_middle(hop: int) -> None:
    feat_BFT = torch.arange(1.0, 101.0)[None, None]
    tiles_BnFT = Tiles(hop)(feat_BFT)
    before = (32 - hop) // 2
    for number, tile_T in enumerate(tiles_BnFT[0, :, 0]):
        first = number * hop - before
        wanted_T = [float(frame + 1) if 0 <= frame < 100 else 0.0 for frame in range(first, first + 32)]
        assert tile_T.tolist() == wanted_T


def test_tiles_beside_each_other_hold_every_frame_once() -> None:
    feat_BFT = torch.randn(2, 3, 64)
    tiles_BnFT = Tiles(32)(feat_BFT)
    assert torch.equal(torch.cat(tiles_BnFT.unbind(1), -1), feat_BFT)


def test_the_lstm_sees_the_tiles_on_both_sides() -> None:
    """Alone, the convolutions describe each tile by itself."""
    encoder = Voxseg(SMALL, rows=32).eval()
    feat_BFT = torch.randn(1, 32, 5 * 32)
    other_BFT = feat_BFT.clone()
    other_BFT[..., 64:96] += 1.0
    alone = nn.Sequential(encoder[0], encoder[1])
    changed_n = (alone(other_BFT) != alone(feat_BFT)).any(-1)[0]
    assert changed_n.tolist() == [False, False, True, False, False]
    assert (encoder(other_BFT) != encoder(feat_BFT)).any(1).all()


def test_natural_head_answers_for_every_tile() -> None:
    model = build(SMALL.model_copy(update={"tile_hop": 16})).eval()
    assert isinstance(model.head, FramesHead)
    frames_BnK = model.head.frames(model.encoder(model.features(torch.randn(3, 16_000))))
    assert frames_BnK.shape == (3, 7, 2)


def test_rows_must_outlast_the_convolutions() -> None:
    assert (left(24), left(23)) == (1, 0)
    with pytest.raises(ValidationError, match="at least 24 feature rows, features give 20"):
        VoxsegConfig(features=FeatureConfig(kind="melspec", n_mels=20))
