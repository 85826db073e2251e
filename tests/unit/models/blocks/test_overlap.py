import torch

from models.blocks.overlap import OverlapAdd, Overlapping


def test_frames_end_with_the_newest_sample_and_are_summed_where_they_stand() -> None:
    cut, add = Overlapping(6, 2), OverlapAdd(6, 2)
    x = torch.arange(1.0, 9.0)[None]
    frame_BTW, after = cut.step(x, cut.init_state(1, x))
    assert frame_BTW[0].tolist() == [[0, 0, 0, 0, 1, 2], [0, 0, 1, 2, 3, 4], [1, 2, 3, 4, 5, 6], [3, 4, 5, 6, 7, 8]]
    assert after["heard"].flatten().tolist() == [5, 6, 7, 8]
    wav_BN, tail = add.step(frame_BTW, add.init_state(1, x))
    assert wav_BN[0].tolist() == [0, 0, 0, 0, 3, 6, 9, 12]
    assert tail["tail"].flatten().tolist() == [10, 12, 7, 8]
