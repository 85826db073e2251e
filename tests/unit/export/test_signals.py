import numpy as np

from sonant.export.signals import KINDS, batch


def test_a_batch_has_every_kind_and_is_always_the_same() -> None:
    wav_BN = batch(len(KINDS), 4000, 8000)
    assert wav_BN.shape == (len(KINDS), 4000)
    assert wav_BN.dtype == np.float32
    peaks = dict(zip(KINDS, np.abs(wav_BN).max(axis=1).tolist(), strict=True))
    assert peaks["silence"] == 0
    assert peaks["loud"] == 1
    assert 0 < peaks["faint"] < 1e-3
    assert 0.1 < peaks["voice"] <= 1
    np.testing.assert_array_equal(wav_BN, batch(len(KINDS), 4000, 8000))


def test_rows_differ_when_kinds_come_round_again() -> None:
    wav_BN = batch(2 * len(KINDS), 800, 8000)
    assert not np.array_equal(wav_BN[0], wav_BN[len(KINDS)])
