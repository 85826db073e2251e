import pytest
import torch

from sonant.losses.absent import absent_energy
from sonant.losses.extraction import extraction
from sonant.losses.si_sdr import si_sdr
from sonant.losses.snr import snr

torch.manual_seed(0)
TARGET, MIX = torch.randn(4, 800), torch.randn(4, 800)
OUTPUT = TARGET + 0.3 * torch.randn(4, 800)
SAMPLES = torch.tensor([800, 700, 600, 500])


def test_all_present_is_the_mean_of_the_ratio() -> None:
    assert extraction(OUTPUT, TARGET, SAMPLES).item() == pytest.approx(-si_sdr(OUTPUT, TARGET, SAMPLES).mean().item())
    assert extraction(OUTPUT, TARGET, ratio=snr).item() == pytest.approx(-snr(OUTPUT, TARGET).mean().item())


def test_absent_items_are_judged_by_what_is_left() -> None:
    present = torch.tensor([True, False, True, False])
    target = TARGET * present[:, None]
    loss = extraction(OUTPUT, target, SAMPLES, mix_BN=MIX, present_B=present, absent_weight=0.5)
    ratios, left = si_sdr(OUTPUT, target, SAMPLES), absent_energy(OUTPUT, MIX, SAMPLES)
    assert loss.item() == pytest.approx((-ratios[0] - ratios[2] + 0.5 * (left[1] + left[3])).item() / 4, rel=1e-5)


@pytest.mark.parametrize("present", [True, False])
def test_gradients_are_finite_even_where_everything_is_silent(present: bool) -> None:
    given = torch.zeros(4, 800, requires_grad=True)
    nothing = torch.zeros(4, 800)
    loss = extraction(given, nothing, SAMPLES, mix_BN=nothing, present_B=torch.full((4,), present))
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(given.grad).all()


def test_shards_add_up() -> None:
    present = torch.tensor([True, False, True, False])

    def of(part: slice) -> float:
        return extraction(OUTPUT[part], TARGET[part], mix_BN=MIX[part], present_B=present[part]).item()

    assert of(slice(None)) == pytest.approx((of(slice(0, 2)) + of(slice(2, 4))) / 2, rel=1e-5)
