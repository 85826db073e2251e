import pytest
import torch

from sonant.data.augment.room import convolve, impulse_responses


def responses(rt60_s: list[float], reverb: list[float], samples: int = 16000) -> torch.Tensor:
    start = torch.arange(len(rt60_s)) * 1000
    return impulse_responses(torch.tensor(rt60_s), torch.tensor(reverb), start, samples=samples, sample_rate_hz=16000)


def test_energy_and_its_share_in_the_tail() -> None:
    response_RN = responses([0.2, 0.5, 0.3], [0.5, 2.0, 0.1])
    assert response_RN.square().sum(1).tolist() == pytest.approx([1, 1, 1], abs=1e-4)
    tail_R = response_RN[:, 1:].square().sum(1) / response_RN[:, 0].square()
    assert tail_R.tolist() == pytest.approx([0.5, 2.0, 0.1], rel=1e-3)
    assert response_RN[:, 1:48].eq(0).all()


@pytest.mark.parametrize("rt60_s", [0.2, 0.6])
def test_the_tail_falls_by_60_db_in_the_reverberation_time(rt60_s: float) -> None:
    many = torch.arange(64) * 5000
    response_RN = impulse_responses(
        torch.full((64,), rt60_s), torch.ones(64), many, samples=16000, sample_rate_hz=16000
    )
    power_N = response_RN.square().mean(0)
    early, late = 800, 800 + round(0.5 * rt60_s * 16000)
    drop_db = 10 * torch.log10(power_N[early : early + 400].mean() / power_N[late : late + 400].mean())
    assert drop_db.item() == pytest.approx(30, abs=1.5)


def test_convolution_is_the_textbook_one() -> None:
    generator = torch.manual_seed(0)
    wav_RN, response_RM = torch.randn(2, 50, generator=generator), torch.randn(2, 30, generator=generator)
    out_RN = convolve(wav_RN, response_RM)
    for row in range(2):
        expected = [
            sum(float(response_RM[row, k] * wav_RN[row, n - k]) for k in range(min(n + 1, 30))) for n in range(50)
        ]
        assert out_RN[row].tolist() == pytest.approx(expected, abs=1e-4)


def test_without_reverberation_nothing_changes() -> None:
    wav_RN = torch.randn(1, 1000, generator=torch.manual_seed(0))
    torch.testing.assert_close(convolve(wav_RN, responses([0.3], [0.0])), wav_RN, atol=1e-5, rtol=0)
