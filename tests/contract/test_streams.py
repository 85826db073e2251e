"""What every network that streams promises."""

import pytest
import torch
from torch import Tensor

from models.streaming import Streaming, reset_rows, scan, stack_rows, state_specs, take_rows


def chunks(kind: str, hop: int, samples: int) -> list[int]:
    """Chunk sizes that cover a signal."""
    total = samples // hop
    if kind == "random":
        draw = torch.Generator().manual_seed(0)
        sizes: list[int] = []
        while sum(sizes) < total:
            sizes.append(min(int(torch.randint(1, 8, (1,), generator=draw)), total - sum(sizes)))
    else:
        size = {"hop": 1, "two hops": 2, "whole": total}[kind]
        sizes = [size] * (total // size)
    return [size * hop for size in sizes]


def test_follows_the_contract(live) -> None:
    assert isinstance(live, Streaming)
    assert live.hop > 0
    assert live.latency >= 0


@pytest.mark.parametrize("kind", ["hop", "two hops", "random", "whole"])
def test_stream_equals_offline_for_any_chunks(live, same, wav_BN: Tensor, kind: str) -> None:
    offline_BFK = live.offline(wav_BN)
    streamed_BFK, _ = scan(live, wav_BN, chunks(kind, live.hop, wav_BN.shape[1]))
    assert offline_BFK.shape == (3, wav_BN.shape[1] // live.hop, 3)
    assert offline_BFK.std() > 1.0  # an error would be lost in logits that say nothing
    same(streamed_BFK, offline_BFK, 1e-5)


def test_later_input_never_changes_earlier_output(live, same, wav_BN: Tensor) -> None:
    hops = wav_BN.shape[1] // live.hop
    cut = hops // 2
    changed_BN = wav_BN.clone()
    changed_BN[:, cut * live.hop :] = torch.randn(3, wav_BN.shape[1] - cut * live.hop)
    before_BFK, after_BFK = live.offline(wav_BN), live.offline(changed_BN)
    same(after_BFK[:, :cut], before_BFK[:, :cut], 1e-5)
    assert not torch.allclose(after_BFK[:, cut], before_BFK[:, cut], atol=1e-3)  # and no sooner than it must


@pytest.mark.parametrize("samples", [3200, 5000, 6400])
def test_clip_within_the_window_is_the_last_answer_of_its_stream(live, same, wav_BN: Tensor, samples: int) -> None:
    clip_BN = wav_BN[:, :samples]
    same(live(clip_BN), live.offline(clip_BN)[:, -1], 1e-5)


def test_window_forgets(live, same, wav_BN: Tensor) -> None:
    """After more than window and receptive field of the same sound, what came before no longer matters."""
    loud_BN, quiet_BN = wav_BN[:1], 0.0 * wav_BN[:1]
    tail_BN = 1e-3 * torch.randn(1, live.hop * (160_000 // live.hop))
    last_BFK = [live.offline(torch.cat([head_BN, tail_BN], 1))[:, -1] for head_BN in (loud_BN, quiet_BN)]
    first_BFK = [live.offline(head_BN)[:, -1] for head_BN in (loud_BN, quiet_BN)]
    assert not torch.allclose(*first_BFK, atol=0.5)
    same(*last_BFK, 1e-3)


def test_rows_do_not_mix(live, same, wav_BN: Tensor) -> None:
    sizes = chunks("random", live.hop, wav_BN.shape[1])
    together_BFK, _ = scan(live, wav_BN, sizes)
    for row in range(3):
        alone_BFK, _ = scan(live, wav_BN[row : row + 1], sizes)
        same(together_BFK[row : row + 1], alone_BFK, 1e-5)


def test_rows_reset_alone(live, wav_BN: Tensor) -> None:
    half = wav_BN.shape[1] // 2
    _, state = scan(live, wav_BN[:, :half], [half])
    reset = reset_rows(live, state, [1])
    after_BFK, _ = live.step(wav_BN[:, half:], reset)
    going_on_BFK, _ = live.step(wav_BN[:, half:], state)
    fresh_BFK, _ = live.step(wav_BN[:, half:], live.init_state(3))
    assert torch.equal(after_BFK[1], fresh_BFK[1])
    assert torch.equal(after_BFK[[0, 2]], going_on_BFK[[0, 2]])
    assert not torch.allclose(fresh_BFK[1, 0], going_on_BFK[1, 0], atol=1e-3)


def test_streams_of_different_age_share_a_batch(live, same, wav_BN: Tensor) -> None:
    """What the server's slots do: rows are stacked, stepped together and taken apart again."""
    _, old = scan(live, wav_BN[:1], [wav_BN.shape[1]])
    state = stack_rows([old, live.init_state(1)])
    chunk_BN = wav_BN[1:, : 2 * live.hop]
    together_BFK, after = live.step(chunk_BN, state)
    for row, before in enumerate([old, live.init_state(1)]):
        alone_BFK, alone = live.step(chunk_BN[row : row + 1], before)
        same(together_BFK[row : row + 1], alone_BFK, 1e-5)
        for part, value in take_rows(after, [row]).items():
            same(value, alone[part], 1e-5)


def test_snapshot_goes_on_exactly(live, wav_BN: Tensor) -> None:
    """A state written to bytes and read back by its specs alone continues bit for bit; a step leaves it untouched."""
    half = wav_BN.shape[1] // 2
    _, state = scan(live, wav_BN[:, :half], [half])
    stored = {name: value.numpy().tobytes() for name, value in state.items()}
    first_BFK, _ = live.step(wav_BN[:, half:], state)
    restored = {
        spec.name: torch.frombuffer(bytearray(stored[spec.name]), dtype=getattr(torch, spec.dtype)).view(3, *spec.shape)
        for spec in state_specs(live)
    }
    assert all(torch.equal(restored[name], value) for name, value in state.items())
    second_BFK, _ = live.step(wav_BN[:, half:], restored)
    assert torch.equal(first_BFK, second_BFK)


@pytest.mark.parametrize("sound", ["silence", "constant", "clipping"])
def test_long_silence_and_clipping_stay_finite(live, wav_BN: Tensor, sound: str) -> None:
    shape = (1, live.hop * (48_000 // live.hop))
    odd_BN = {"silence": torch.zeros(shape), "constant": torch.ones(shape), "clipping": torch.randn(shape).sign()}[
        sound
    ]
    logits_BFK, state = scan(live, torch.cat([odd_BN, wav_BN[:1]], 1), [shape[1], wav_BN.shape[1]])
    assert logits_BFK.isfinite().all()
    assert all(value.isfinite().all() for value in state.values())
