import pytest
import torch
from torch.nn import functional

from sonant.losses.si_sdr import si_sdr
from sonant.losses.spexplus import speaker_loss, spexplus, spexplus_short

torch.manual_seed(0)
TARGET = torch.randn(3, 600)
OUTPUTS = [TARGET + noise * torch.randn(3, 600) for noise in (0.1, 0.5, 1.0)]
SAMPLES = torch.tensor([600, 500, 400])
LOGITS, SPEAKER = torch.randn(3, 5), torch.tensor([4, -100, 1])


def test_weights_of_the_paper() -> None:
    short, middle, long = (si_sdr(output, TARGET, SAMPLES).mean() for output in OUTPUTS)
    entropy = functional.cross_entropy(LOGITS[[0, 2]], SPEAKER[[0, 2]])
    expected = -(0.8 * short + 0.1 * middle + 0.1 * long) + 0.5 * entropy
    loss = spexplus(OUTPUTS, TARGET, SAMPLES, logits_BK=LOGITS, speaker_B=SPEAKER)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    loss = spexplus_short(OUTPUTS[0], TARGET, SAMPLES, logits_BK=LOGITS, speaker_B=SPEAKER)
    assert loss.item() == pytest.approx((-short + 0.5 * entropy).item(), rel=1e-5)


def test_without_speakers_the_signal_is_all() -> None:
    alone = spexplus(OUTPUTS, TARGET)
    nobody = torch.full((3,), -100)
    logits = LOGITS.clone().requires_grad_()
    loss = spexplus(OUTPUTS, TARGET, logits_BK=logits, speaker_B=nobody)
    assert loss.item() == alone.item()
    loss.backward()
    # The layer stays in the graph, so that ranks with other batches do not wait for it.
    assert not logits.grad.any()


def test_absent_items_go_through() -> None:
    present = torch.tensor([True, True, False])
    given = {"mix_BN": TARGET + 1, "present_B": present, "absent_weight": 0.0}
    expected = -sum(w * si_sdr(o, TARGET)[:2].sum() / 3 for w, o in zip((0.8, 0.1, 0.1), OUTPUTS, strict=True))
    assert spexplus(OUTPUTS, TARGET, **given).item() == pytest.approx(expected.item(), rel=1e-5)


def test_who_it_is_can_be_learned() -> None:
    logits = torch.zeros(3, 5, requires_grad=True)
    optimizer = torch.optim.SGD([logits], lr=5.0)
    for _ in range(20):
        optimizer.zero_grad()
        speaker_loss(logits, SPEAKER, like=logits.new_zeros(())).backward()
        optimizer.step()
    assert logits.argmax(1)[[0, 2]].tolist() == [4, 1]
    assert not logits[1].any()
