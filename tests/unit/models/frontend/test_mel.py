"""The mel filter bank and the cosine transform."""

from __future__ import annotations

import pytest
import torch

from models.frontend.mel import dct_matrix, hz_to_mel, mel_bank


def test_htk_scale() -> None:
    assert hz_to_mel(0) == 0
    assert hz_to_mel(1000) == pytest.approx(1000, abs=0.1)


def test_bank_is_a_partition_between_the_outer_peaks() -> None:
    """Neighbouring triangles of height one add up to one."""
    bank_MF = mel_bank(40, 512, 16000, 20.0, 8000.0)
    peak_M = bank_MF.argmax(1)
    inner = slice(int(peak_M[0]) + 1, int(peak_M[-1]))
    torch.testing.assert_close(bank_MF.sum(0)[inner], torch.ones(inner.stop - inner.start, dtype=torch.float64))
    assert (peak_M.diff() > 0).all()


def test_bank_keeps_to_its_edges() -> None:
    bank_MF = mel_bank(10, 512, 16000, 300.0, 4000.0)
    hz_F = torch.arange(257) * 16000 / 512
    assert bank_MF[:, (hz_F <= 300) | (hz_F >= 4000)].abs().max() == 0


def test_dct_is_orthonormal_and_starts_with_the_mean() -> None:
    full = dct_matrix(40, 40)
    torch.testing.assert_close(full @ full.T, torch.eye(40, dtype=torch.float64))
    torch.testing.assert_close(dct_matrix(13, 40), full[:13])
    torch.testing.assert_close(full[0], torch.full((40,), 40**-0.5, dtype=torch.float64))
