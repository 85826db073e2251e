import pytest
import torch

from models import heads
from models.spec import parse


def test_each_frame_is_answered_by_itself() -> None:
    head = heads.create(heads.FramewiseConfig(), 6, 3, 0.5).eval()
    assert isinstance(head, heads.FramewiseHead)
    emb_BDT = torch.randn(2, 6, 9)
    logits_BTK = head(emb_BDT)
    assert logits_BTK.shape == (2, 9, 3)
    torch.testing.assert_close(logits_BTK[:, 4:5], head(emb_BDT[..., 4:5]))
    stepped_BTK, state = head.step(emb_BDT, head.init_state(2))
    assert torch.equal(stepped_BTK, logits_BTK)
    assert torch.equal(head.frames(emb_BDT), logits_BTK)
    assert state == {}


@pytest.mark.parametrize("kind", ["tc_resnet", "bc_resnet", "tcn"])
def test_causal_networks_may_have_it(kind: str) -> None:
    assert parse({"kind": kind, "outputs": 1, "causal": True, "head": {"kind": "framewise"}}).head.kind == "framewise"
