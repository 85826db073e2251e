import pytest
import torch

from sonant.losses.presence import presence


def test_items_by_hand() -> None:
    loss = presence(torch.tensor([2.0, -1.0]), torch.tensor([True, True]))
    sigmoid = torch.sigmoid(torch.tensor([2.0, -1.0]))
    assert loss.item() == pytest.approx(-sigmoid.log().mean().item(), rel=1e-5)


def test_frames_take_the_items_answer_or_their_own() -> None:
    logits = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    whole = presence(logits, torch.tensor([True, False]))
    each = presence(logits, torch.tensor([[1.0] * 6, [0.0] * 6]))
    assert whole.item() == pytest.approx(each.item())


def test_padding_does_not_count_and_items_weigh_alike() -> None:
    logits = torch.randn(2, 6, generator=torch.Generator().manual_seed(0))
    present = torch.tensor([True, False])
    alone = [presence(logits[b : b + 1, :n], present[b : b + 1]).item() for b, n in enumerate((6, 2))]
    logits[1, 2:] = 1e4
    assert presence(logits, present, torch.tensor([6, 2])).item() == pytest.approx(sum(alone) / 2, rel=1e-5)
