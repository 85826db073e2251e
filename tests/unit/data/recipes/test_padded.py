import numpy as np

from sonant.data.recipes.padded import padded


def test_zeros_behind_each_wave() -> None:
    wav_BN = padded([np.ones(2, np.float32), np.full(3, 2, np.float32)], 4)
    assert wav_BN.tolist() == [[1, 1, 0, 0], [2, 2, 2, 0]]
