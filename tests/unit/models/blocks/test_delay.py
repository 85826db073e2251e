import torch

from models.blocks.delay import Delay


def test_gives_zeros_and_then_what_came() -> None:
    delay = Delay(3, 1)
    state, given = delay.init_state(2), []
    for part_BTC in torch.arange(1.0, 8.0)[None, :, None].expand(2, -1, 1).split([1, 4, 2], 1):
        y_BTC, state = delay.step(part_BTC, state)
        given.append(y_BTC)
    assert torch.cat(given, 1)[1, :, 0].tolist() == [0, 0, 0, 1, 2, 3, 4]
    assert state["past"][0, :, 0].tolist() == [5, 6, 7]


def test_no_delay_has_no_state() -> None:
    x_BTC = torch.randn(2, 3, 4)
    delay = Delay(0, 4)
    assert delay.init_state(2) == {}
    assert delay.step(x_BTC, {}) == (x_BTC, {})
