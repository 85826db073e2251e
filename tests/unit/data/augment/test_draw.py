import numpy as np
import pytest
import torch

from sonant.config.data import Augment
from sonant.data.augment import Draws, Placement, draw

ROWS = list(range(400))


def drawn(cfg: Augment, *, seed: int = 0, epoch: int = 0, rows: list[int] = ROWS) -> tuple[Placement, Draws]:
    return draw(cfg, seed, epoch, rows, sample_rate_hz=16000)


def values(cfg: Augment, **where: object) -> list[np.ndarray]:
    place, draws = drawn(cfg, **where)
    return [*vars(place).values(), draws.gain_B.numpy(), draws.snr_db_B.numpy(), draws.masks_BM4.numpy()]


def test_a_row_is_drawn_from_seed_epoch_and_row_alone() -> None:
    cfg = Augment(context_p=0.5)
    alone, among = values(cfg, rows=[7]), values(cfg, rows=[3, 7, 1])
    assert all(np.array_equal(a[0], b[1]) for a, b in zip(alone, among, strict=True))
    assert not np.array_equal(alone[0], values(cfg, rows=[7], epoch=1)[0])
    assert not np.array_equal(alone[0], values(cfg, rows=[7], seed=1)[0])
    one, two = (draw(cfg, 0, epochs, [7, 7], sample_rate_hz=16000)[1].gain_B for epochs in ([0, 4], [4, 0]))
    assert torch.equal(one, two.flip(0))


def test_ranges_are_filled_and_kept() -> None:
    cfg = Augment(shift_ms=80, gain_db=6, speed=0.2, noise_p=0.5, noise_snr_db=(5, 20), floor_dbfs=(-90, -60))
    place, draws = drawn(cfg)
    assert np.abs(place.shift_s).max() == pytest.approx(0.08, rel=0.05)
    gain_db = 20 * draws.gain_B.log10()
    assert (gain_db.min().item(), gain_db.max().item()) == pytest.approx((-6, 6), abs=0.2)
    assert (draws.speed_B.min().item(), draws.speed_B.max().item()) == pytest.approx((0.8, 1.2), abs=0.01)
    noisy = draws.snr_db_B[draws.snr_db_B.isfinite()]
    assert noisy.numel() == pytest.approx(200, abs=40)
    assert (noisy.min().item(), noisy.max().item()) == pytest.approx((5, 20), abs=0.3)
    floor = 20 * draws.floor_B.log10()
    assert (floor.min().item(), floor.max().item()) == pytest.approx((-90, -60), abs=0.5)
    assert draws.colour_B.unique().numel() == 8


def test_shares_are_kept() -> None:
    place, draws = drawn(Augment(room_p=0.25, context_p=0.1, room_rt60_s=(0.2, 0.4)))
    assert draws.rooms_R.numel() == pytest.approx(100, abs=30)
    assert (draws.rt60_s_R.min().item(), draws.rt60_s_R.max().item()) == pytest.approx((0.2, 0.4), abs=0.01)
    assert draws.room_samples == 6400
    assert place.context.sum() == pytest.approx(40, abs=20)


def test_everything_can_be_off() -> None:
    place, draws = drawn(Augment(shift_ms=0, gain_db=0, speed=0, noise_p=0, room_p=0, freq_masks=0, time_masks=0))
    assert not place.shift_s.any()
    assert draws.speed_B is None
    assert draws.gain_B.eq(1).all()
    assert draws.snr_db_B.isinf().all()
    assert draws.rooms_R.numel() == 0
    assert draws.masks_BM4.shape == (400, 0, 4)


def test_masks_are_bands_first_then_stretches() -> None:
    _, draws = drawn(Augment(freq_masks=2, freq_mask_max=0.2, time_masks=1, time_mask_max=0.5))
    masks = draws.masks_BM4
    assert masks.shape == (400, 3, 4)
    assert masks.min() >= 0
    assert masks.max() <= 1
    f0, f1, t0, t1 = masks.unbind(-1)
    assert (t0[:, :2] == 0).all()
    assert (t1[:, :2] == 1).all()
    assert (f0[:, 2] == 0).all()
    assert (f1[:, 2] == 1).all()
    widths, lengths = (f1 - f0)[:, :2], (t1 - t0)[:, 2]
    assert widths.min() >= 0
    assert widths.max().item() == pytest.approx(0.2, abs=0.01)
    assert lengths.max().item() == pytest.approx(0.5, abs=0.01)
    assert f0[:, :2].max() > 0.9 - 0.2


def test_tempo_is_as_often_slower_as_faster() -> None:
    _, draws = drawn(Augment(tempo=0.5))
    assert draws.tempo_B is not None
    assert 1 / 1.5 <= draws.tempo_B.min() < 0.7
    assert 1.4 < draws.tempo_B.max() <= 1.5
    assert abs(draws.tempo_B.log().mean()) < 0.05
    assert drawn(Augment())[1].tempo_B is None
