import dataclasses
import math

import pytest
import torch

from sonant.config.data import Augment
from sonant.data.augment import Draws, apply, draw
from sonant.data.augment.noise import active_power

SAMPLES = 8000
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU"))]
OFF = {"gain_db": 0, "speed": 0, "noise_p": 0, "room_p": 0, "floor_dbfs": (-300, -300)}


def waves(items: int, level: float = 0.1) -> torch.Tensor:
    return level * torch.randn(items, SAMPLES, generator=torch.manual_seed(0)).clamp(-3, 3)


def draws(cfg: Augment, rows: list[int]) -> Draws:
    return draw(cfg, 0, 0, rows, sample_rate_hz=16000)[1]


@pytest.mark.parametrize("device", DEVICES)
def test_items_do_not_depend_on_their_batch(device: str) -> None:
    cfg = Augment(room_p=0.5, tilt=0.5)
    wav_BN = waves(40).to(device)
    together = apply(wav_BN, draws(cfg, list(range(40))).to(device))
    alone = torch.cat([apply(wav_BN[row : row + 1], draws(cfg, [row]).to(device)) for row in range(40)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("device", DEVICES)
def test_every_device_gives_the_same(device: str) -> None:
    cfg = Augment(room_p=0.5, tilt=0.5)
    wav_BN, drawn = waves(40), draws(cfg, list(range(40)))
    torch.testing.assert_close(
        apply(wav_BN, drawn), apply(wav_BN.to(device), drawn.to(device)).cpu(), atol=1e-4, rtol=0
    )


def test_with_everything_off_waves_stay_as_they_are() -> None:
    wav_BN = waves(3)
    torch.testing.assert_close(apply(wav_BN, draws(Augment(**OFF), [0, 1, 2])), wav_BN, atol=1e-7, rtol=0)


def test_the_input_is_left_alone() -> None:
    wav_BN = waves(20)
    before = wav_BN.clone()
    apply(wav_BN, draws(Augment(room_p=0.5, tilt=0.5), list(range(20))))
    assert torch.equal(wav_BN, before)


def test_tilt_colours_and_keeps_the_power_of_noise() -> None:
    wav_BN, drawn = waves(8), draws(Augment(**{**OFF, "tilt": 0.6}), list(range(8)))
    tilted_BN = apply(wav_BN, drawn)
    power_B = tilted_BN.square().mean(1) / wav_BN.square().mean(1)
    torch.testing.assert_close(power_B, torch.ones(8), atol=0.05, rtol=0)
    # The correlation of neighbours is a / (1 + a^2) for white noise.
    neighbours_B = (tilted_BN[:, 1:] * tilted_BN[:, :-1]).mean(1) / tilted_BN.square().mean(1)
    assert drawn.tilt_B is not None
    expected_B = drawn.tilt_B / (1 + drawn.tilt_B.square())
    torch.testing.assert_close(neighbours_B, expected_B, atol=0.05, rtol=0)
    assert drawn.tilt_B.min() < -0.2 < 0.2 < drawn.tilt_B.max()


def test_gain_is_in_decibels() -> None:
    cfg = Augment(**{**OFF, "gain_db": 12})
    wav_BN, drawn = waves(5, 0.01), draws(cfg, list(range(5)))
    ratio_B = apply(wav_BN, drawn).square().mean(1).sqrt() / wav_BN.square().mean(1).sqrt()
    assert ratio_B.tolist() == pytest.approx(drawn.gain_B.tolist(), rel=1e-4)
    assert ratio_B.min() < 0.8
    assert ratio_B.max() > 1.2


@pytest.mark.parametrize("recorded", [False, True])
def test_noise_has_the_drawn_ratio_to_the_louder_or_softer_clip(recorded: bool) -> None:
    cfg = Augment(**{**OFF, "noise_p": 1, "noise_snr_db": (5, 15), "gain_db": 10})
    wav_BN, drawn = waves(6, 0.02), draws(cfg, list(range(6)))
    if recorded:
        noise = torch.randint(-3000, 3000, (6, SAMPLES), generator=torch.manual_seed(1)).to(torch.int16)
        drawn = drawn.with_noise(noise)
    clean_BN = wav_BN * drawn.gain_B[:, None]
    added_BN = apply(wav_BN, drawn) - clean_BN
    measured_B = 10 * torch.log10(active_power(clean_BN, 16000) / added_BN.square().mean(1))
    assert measured_B.tolist() == pytest.approx(drawn.snr_db_B.tolist(), abs=0.05)
    if recorded:
        cosine_B = torch.nn.functional.cosine_similarity(added_BN, noise.float())
        assert cosine_B.min() > 0.999


def test_digital_silence_never_stays_silent() -> None:
    out_BN = apply(torch.zeros(50, SAMPLES), draws(Augment(), list(range(50))))
    level_dbfs = 20 * out_BN.square().mean(1).sqrt().log10()
    assert level_dbfs.min() > -100
    assert level_dbfs.max() < -45
    assert level_dbfs.std() > 5


def test_too_loud_is_turned_down_and_not_clipped() -> None:
    cfg = Augment(**{**OFF, "gain_db": 20})
    wav_BN = waves(10, 0.3)
    out_BN = apply(wav_BN, draws(cfg, list(range(10))))
    assert out_BN.abs().max() <= 1
    cosine_B = torch.nn.functional.cosine_similarity(out_BN, wav_BN)
    assert cosine_B.min() > 0.99999


def test_only_clips_in_rooms_are_reverberant() -> None:
    cfg = Augment(**{**OFF, "room_p": 0.5})
    click_BN = torch.zeros(30, SAMPLES)
    click_BN[:, 1000] = 0.5
    drawn = draws(cfg, list(range(30)))
    tail_B = apply(click_BN, drawn)[:, 1100:].abs().amax(1)
    rooms = torch.zeros(30, dtype=torch.bool)
    rooms[drawn.rooms_R] = True
    assert 5 < rooms.sum() < 25
    assert torch.equal(tail_B > 1e-4, rooms)


def test_every_draw_is_used() -> None:
    cfg = Augment(room_p=0.5, noise_p=0.5)
    wav_BN, drawn = waves(30), draws(cfg, list(range(30)))
    before = apply(wav_BN, drawn)
    for name in ("speed_B", "gain_B", "floor_B", "snr_db_B", "rt60_s_R", "reverb_R"):
        changed = dataclasses.replace(drawn, **{name: getattr(drawn, name) * 1.1})
        assert not torch.allclose(before, apply(wav_BN, changed), atol=1e-7), name
    for name in ("start_B", "room_start_R", "colour_B"):
        changed = dataclasses.replace(drawn, **{name: torch.zeros_like(getattr(drawn, name))})
        assert not torch.allclose(before, apply(wav_BN, changed), atol=1e-7), name
    assert math.isfinite(before.sum().item())
