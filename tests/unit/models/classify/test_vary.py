import torch

from models.classify.vary import change_tempo, mask_spans


def test_mask_is_a_rectangle_of_the_clip_mean() -> None:
    feat_BFT = torch.randn(2, 10, 20)
    masks_BM4 = torch.tensor([[[0.2, 0.5, 0.0, 0.5]], [[0.0, 0.0, 0.0, 1.0]]])
    masked_BFT = mask_spans(feat_BFT, masks_BM4)
    hit_FT = torch.zeros(10, 20, dtype=torch.bool)
    hit_FT[2:5, :10] = True
    torch.testing.assert_close(masked_BFT[0][hit_FT], feat_BFT[0].mean().expand(30))
    assert torch.equal(masked_BFT[0][~hit_FT], feat_BFT[0][~hit_FT])
    assert torch.equal(masked_BFT[1], feat_BFT[1])


def test_masks_of_a_clip_add_up() -> None:
    feat_BFT = torch.randn(1, 4, 4)
    bands_BM4 = torch.tensor([[[0.0, 0.25, 0.0, 1.0], [0.0, 1.0, 0.75, 1.0]]])
    changed_FT = mask_spans(feat_BFT, bands_BM4)[0] != feat_BFT[0]
    assert changed_FT.tolist() == [[True] * 4, *([[False, False, False, True]] * 3)]


def test_bands_leave_a_raw_wave_alone() -> None:
    wav_B1N = torch.randn(1, 1, 8)
    masks_BM4 = torch.tensor([[[0.3, 0.6, 0.0, 1.0], [0.0, 1.0, 0.0, 0.25]]])
    assert (mask_spans(wav_B1N, masks_BM4) != wav_B1N)[0, 0].tolist() == [True, True, *([False] * 6)]


def test_tempo_stretches_about_the_middle() -> None:
    ramp_BFT = torch.arange(9.0).expand(3, 2, 9)
    same_FT, fast_FT, slow_FT = change_tempo(ramp_BFT, torch.tensor([1.0, 2.0, 0.5]))
    assert torch.equal(same_FT, ramp_BFT[0])
    assert fast_FT[0].tolist() == [0, 0, 0, 2, 4, 6, 8, 8, 8]
    assert slow_FT[1].tolist() == [2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6]


def test_tempo_leaves_a_raw_wave_alone() -> None:
    wav_B1N = torch.randn(2, 1, 8)
    assert torch.equal(change_tempo(wav_B1N, torch.tensor([2.0, 0.5])), wav_B1N)
