import pytest
import torch

from sonant.losses.l1 import l1


def test_it_is_the_mean_over_the_samples_that_count() -> None:
    given, wanted = torch.tensor([[1.0, 2.0, 9.0], [1.0, 1.0, 1.0]]), torch.tensor([[0.0, 4.0, 0.0], [1.0, 1.0, -1.0]])
    assert l1(given, wanted, torch.tensor([2, 3])).tolist() == pytest.approx([1.5, 2 / 3])
    assert l1(given, wanted).tolist() == pytest.approx([4.0, 2 / 3])
