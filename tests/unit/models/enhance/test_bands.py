import pytest
import torch

from models.enhance import bands


@pytest.mark.parametrize(("bins", "count", "low", "hz"), [(161, 64, 40, 50.0), (41, 16, 10, 50.0), (9, 9, 5, 100.0)])
def test_shares_of_a_bin_sum_to_one(bins: int, count: int, low: int, hz: float) -> None:
    spread_FG = bands.spread(bins, count, low, hz)
    assert spread_FG.shape == (count, bins)
    assert (spread_FG >= 0).all()
    assert torch.allclose(spread_FG.sum(0), torch.ones(bins))
    assert torch.equal(spread_FG[:low, :low], torch.eye(low))


def test_bands_widen_with_frequency() -> None:
    width_F = bands.spread(161, 64, 40, 50.0)[41:-1].sum(1)
    assert width_F[-1] > 2 * width_F[0]
    assert (width_F > 1).all()


def test_a_flat_spectrum_stays_flat() -> None:
    spread_FG = bands.spread(161, 64, 40, 50.0)
    assert torch.allclose(torch.ones(161) @ bands.merge(spread_FG), torch.ones(64))


def test_erb_rate_at_one_kilohertz() -> None:
    assert bands.erb_rate(torch.tensor(1000.0)).item() == pytest.approx(15.6, abs=0.05)
