import pytest
import torch
from pydantic import ValidationError

from models.classify.uit import Uit, UitConfig, earlier
from models.features import FeatureConfig


@pytest.mark.parametrize(("depth", "original"), [(4, 499_152), (6, 731_024)])
def test_parameters_of_the_sound_kit(depth: int, original: int) -> None:
    """The kit has 2 positions in frequency, 15 in time, and a batch norm of 40 rows: it drops the top 8 of them."""
    config = UitConfig(depth=depth)
    positions = (64 // 16 - 2) + (config.positions - 15)
    norm = 2 * (64 - 40)
    encoder = Uit(config, rows=64)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == original + 128 * positions + norm


def test_largest_variant() -> None:
    encoder = Uit(UitConfig(depth=12), rows=64)
    assert sum(parameter.numel() for parameter in encoder.parameters()) == 505_472 + 8 * 115_936


@pytest.mark.parametrize(("frames", "wanted"), [(1, 1), (16, 1), (21, 2), (101, 7), (1001, 63), (2000, 125)])
def test_sixteen_frames_become_one_for_any_length(frames: int, wanted: int) -> None:
    encoder = Uit(UitConfig(depth=1, size=8), rows=64)
    assert encoder.stride == 16
    assert encoder(torch.randn(2, 64, frames)).shape == (2, 8, wanted)


def test_no_row_and_no_frame_is_dropped() -> None:
    feat_BFT = torch.randn(1, 64, 50, requires_grad=True)
    Uit(UitConfig(depth=1, size=8), rows=64).eval()(feat_BFT).square().sum().backward()
    assert feat_BFT.grad is not None
    assert (feat_BFT.grad != 0).all()


def test_default_features_fill_whole_patches() -> None:
    assert UitConfig().extractor().rows == 64
    with pytest.raises(ValidationError, match="multiple of 16 feature rows, features give 40"):
        UitConfig(features=FeatureConfig(kind="melspec", n_mels=40))


def test_places_matter() -> None:
    """In time and in frequency: without positions, tokens in another order would have the same mean."""
    encoder = Uit(UitConfig(depth=1, size=8), rows=64).eval()
    feat_BFT = torch.randn(1, 64, 64)
    for axis in (1, 2):
        turned_BFT = torch.cat(feat_BFT.chunk(4, axis)[::-1], axis)
        assert not torch.equal(encoder(turned_BFT).mean(-1), encoder(feat_BFT).mean(-1))
        with torch.no_grad():
            (encoder[0].frequency_fD, encoder[0].time_tD)[axis - 1].zero_()  # pyright: ignore
        torch.testing.assert_close(encoder(turned_BFT).mean(-1), encoder(feat_BFT).mean(-1))


def test_what_comes_after_the_last_position_shares_it() -> None:
    encoder = Uit(UitConfig(depth=1, size=8, max_s=0.32), rows=64).eval()
    tokens_BtfD = encoder[0](torch.randn(1, 64, 16).repeat(1, 1, 4))
    assert UitConfig(max_s=0.32).positions == 2
    assert not torch.equal(tokens_BtfD[:, 0], tokens_BtfD[:, 1])
    for time in (2, 3):
        torch.testing.assert_close(tokens_BtfD[:, time], tokens_BtfD[:, 1])


@pytest.mark.parametrize("causal", [False, True])
def test_later_input_changes_earlier_tokens_unless_attention_is_causal(causal: bool) -> None:
    encoder = Uit(UitConfig(depth=2, size=8, causal_attention=causal), rows=64).eval()
    feat_BFT = torch.randn(1, 64, 96)
    later_BFT = feat_BFT.clone()
    later_BFT[..., 48:] += 1.0
    before_BDt, after_BDt = encoder(feat_BFT)[..., :3], encoder(later_BFT)[..., :3]
    assert torch.allclose(before_BDt, after_BDt, atol=1e-6) is causal
    assert torch.allclose(before_BDt, encoder(feat_BFT[..., :48]), atol=1e-6) is causal


def test_a_token_sees_all_bands_of_its_time_and_before() -> None:
    wanted_SS = [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]]
    assert earlier(2, 2, torch.device("cpu")).int().tolist() == wanted_SS
