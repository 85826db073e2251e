"""Statistics of a clip's sounding span, by hand."""

from typing import Any

import pytest
import torch

from models.classify.baseline import BaselineConfig, Statistics, build, level_weights, shares
from models.features import FeatureConfig


def test_shares_by_hand() -> None:
    share_BT = torch.tensor([[0.1, 0.4, 0.2, 0.3]])
    wanted = torch.tensor([[[0.2, 0.8, 0.0, 0.0], [0.0, 0.0, 0.4, 0.6]]])
    torch.testing.assert_close(shares(share_BT, 2), wanted)


@pytest.mark.parametrize(("frames", "segments"), [(100, 12), (5, 12), (1, 3), (40, 1)])
def test_every_segment_is_full(frames: int, segments: int) -> None:
    activity_BT = torch.rand(3, frames, generator=torch.Generator().manual_seed(0))
    share_BT = activity_BT / activity_BT.sum(1, keepdim=True)
    weight_BST = shares(share_BT, segments)
    torch.testing.assert_close(weight_BST.sum(2), torch.ones(3, segments), rtol=0, atol=1e-4)
    torch.testing.assert_close(weight_BST.mean(1), share_BT, rtol=0, atol=1e-5)


def word(before: int, after: int) -> torch.Tensor:
    """A loud ramp of 40 frames between quiet ones: row 0 is the level, row 1 counts the frames of the word."""
    feat_FT = torch.zeros(2, before + 40 + after)
    feat_FT[0] = -60.0
    feat_FT[0, before : before + 40] = -5.0
    feat_FT[1, before : before + 40] = torch.arange(40.0)
    return feat_FT[None]


def test_segments_are_parts_of_what_sounds() -> None:
    statistics = Statistics(torch.tensor([1.0, 0.0]), 4)
    out = statistics(word(10, 50))[0, :, 0]
    means_FS, spread_F = out[:8].unflatten(0, (2, 4)), out[8:]
    assert means_FS[1].tolist() == pytest.approx([4.5, 14.5, 24.5, 34.5], abs=0.5)
    assert spread_F[1] == pytest.approx(torch.arange(40.0).std(correction=0).item(), abs=0.3)


def test_silence_around_a_word_changes_nothing() -> None:
    statistics = Statistics(torch.tensor([1.0, 0.0]), 6)
    near, far = statistics(word(5, 5)), statistics(word(60, 20))
    assert (near - far).abs().max() < 0.3


def test_a_clip_of_one_level_is_cut_into_equal_parts() -> None:
    statistics = Statistics(torch.tensor([1.0, 0.0]), 4)
    feat_BFT = torch.stack([torch.full((20,), -3.0), torch.arange(20.0)])[None]
    assert statistics(feat_BFT)[0, 4:8, 0].tolist() == pytest.approx([2.0, 7.0, 12.0, 17.0], abs=1e-3)


@pytest.mark.parametrize(
    "options", [{"kind": "mfcc", "deltas": 2}, {"kind": "melspec", "deltas": 1}, {"kind": "spectral"}], ids=str
)
def test_level_is_the_loudness_of_frames(options: dict[str, Any]) -> None:
    features = FeatureConfig(**options)
    extractor = BaselineConfig(features=features).extractor()
    weight_F = level_weights(features, extractor.rows)
    gain_N = torch.linspace(0.01, 1.0, 16000)
    noise_BN = torch.randn(1, 16000, generator=torch.Generator().manual_seed(0)) * gain_N
    level_T = (extractor(noise_BN)[0] * weight_F[:, None]).sum(0)[2:-2]
    rank_T = level_T.argsort().argsort().double()
    assert torch.corrcoef(torch.stack([rank_T, torch.arange(len(rank_T)).double()]))[0, 1] > 0.9


def test_it_is_one_linear_layer_on_standardised_statistics() -> None:
    model = build(BaselineConfig(outputs=3))
    assert {name for name, _ in model.named_parameters()} == {"head.output.1.weight", "head.output.1.bias"}
    wav_BN = 0.1 * torch.randn(16, 8000, generator=torch.Generator().manual_seed(0))
    vector_BD1 = model.encoder(model.features(wav_BN))
    assert vector_BD1.shape == (16, 40 * 13, 1)
    torch.testing.assert_close(vector_BD1.mean(0), torch.zeros(520, 1), rtol=0, atol=1e-3)


def test_other_heads_and_live_forms_are_refused() -> None:
    with pytest.raises(ValueError, match="leave head out"):
        BaselineConfig.model_validate({"head": {"kind": "attentive"}})
    with pytest.raises(ValueError, match="no causal form"):
        BaselineConfig(causal=True)
