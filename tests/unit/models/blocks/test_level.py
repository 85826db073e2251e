import pytest
import torch

from models.blocks.level import LevelNorm, RunningLevel


def test_is_the_level_of_all_that_was_until_the_past_fades() -> None:
    x_BTC = torch.tensor([3.0, -3.0, 5.0, 5.0, 0.0, 0.0])[None, :, None]
    level_BT1 = RunningLevel(2, time_constant=1e6)(x_BTC)
    wanted = [9, 9, (9 + 25) / 2, (9 + 25) / 2, (9 + 25) / 3, (9 + 25) / 3]
    assert level_BT1[0, :, 0].square().tolist() == pytest.approx(wanted, rel=1e-4)


def test_silence_is_silent_and_speech_after_a_pause_is_not_taken_for_loud() -> None:
    """Six seconds of speech, six of nothing, speech: the level stays within 4 dB (16 ms hops, 30 s)."""
    level = RunningLevel(4, time_constant=30_000 / 16)
    assert not level(torch.zeros(1, 400, 1)).any()
    speech_BTC = 0.1 * torch.randn(1, 4 * 375, 1).sign()
    level_BT1 = level(torch.cat([speech_BTC, torch.zeros_like(speech_BTC), speech_BTC], 1))
    before, pause, after = level_BT1[0, [1499, 2999, 3003], 0].tolist()
    assert before == pytest.approx(0.1)
    assert 0.63 * before < pause <= after < before


def test_only_the_past_and_the_own_hop_count() -> None:
    level = RunningLevel(4, time_constant=50)
    x_BTC = torch.randn(2, 40, 3)
    changed_BTC = torch.cat([x_BTC[:, :20], torch.randn(2, 20, 3)], 1)
    assert torch.equal(level(x_BTC)[:, :20], level(changed_BTC)[:, :20])
    assert not torch.equal(level(x_BTC)[:, 20], level(changed_BTC)[:, 20])


def test_norm_leaves_the_proportions_within_a_hop() -> None:
    norm = LevelNorm(3, 4, time_constant=50)
    x_BTC = torch.randn(2, 8, 3)
    y_BTC = norm(x_BTC)
    assert (y_BTC / x_BTC)[0, :4].std() < 1e-6
    assert y_BTC[:, :4].square().mean((1, 2)).tolist() == pytest.approx([1, 1], rel=0.01)
    assert not norm(torch.zeros(1, 8, 3)).any()


@pytest.mark.parametrize("block", [RunningLevel(4, 20), LevelNorm(3, 4, 20)])
def test_stream_equals_whole(block: RunningLevel | LevelNorm) -> None:
    x_BTC = torch.randn(2, 400, 3)
    state, parts = block.init_state(2), []
    for part_BTC in x_BTC.split([4, 96, 300], 1):
        y_BTC, state = block.step(part_BTC, state)
        parts.append(y_BTC)
    torch.testing.assert_close(torch.cat(parts, 1), block(x_BTC), rtol=0, atol=1e-5)
