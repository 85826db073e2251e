"""Recordings of any length, in windows."""

import numpy as np
import pytest
from pydantic import ValidationError

from sonant.runtime.frames import SHORTEST, FrameLayout, join, windows


def layout(*, causal: bool = True, delay: int = 0) -> FrameLayout:
    return FrameLayout(frame=10, delay=delay, causal=causal, window=400, context=100)


def running(wav_WN: np.ndarray, past: int, future: int, delay: int) -> np.ndarray:
    """A network that answers with the sum over `past` frames and, unless it is late, `future` ones: [W, T, 1]."""
    frame_WT = wav_WN.reshape(len(wav_WN), -1, 10).sum(2)
    padded = np.pad(frame_WT, ((0, 0), (past, future)))
    view = np.lib.stride_tricks.sliding_window_view(padded, past + 1 + future, axis=1).sum(2)
    return np.pad(view, ((0, 0), (delay, 0)))[:, : frame_WT.shape[1], None].astype(np.float32)


@pytest.mark.parametrize("samples", [1, 95, 400, 401, 700, 701, 1234, 5000])
@pytest.mark.parametrize(("causal", "future", "delay"), [(True, 0, 0), (True, 0, 3), (False, 4, 0)])
def test_windows_give_what_the_whole_gives(samples: int, causal: bool, future: int, delay: int) -> None:
    """As long as the network looks no further than the overlap tells it."""
    shape = layout(causal=causal, delay=delay)
    wav_N = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    past = 10 - delay if causal else 5
    wav_WN = windows(shape, wav_N)
    assert wav_WN.shape[1] <= 400
    joined_TK = join(shape, running(wav_WN, past, future, delay), samples)
    whole_1N = np.pad(wav_N, (0, 20 * 10 - samples % 10))[None]
    whole_TK = running(whole_1N, past, future, 0)[0, : -(-samples // 10)]
    assert joined_TK.shape == (-(-samples // 10), 1)
    np.testing.assert_allclose(joined_TK, whole_TK, atol=1e-4)


def test_a_short_recording_is_one_window_of_its_own_length() -> None:
    assert windows(layout(), np.ones(201, np.float32)).shape == (1, 210)
    assert windows(layout(), np.ones(1, np.float32)).shape == (1, 10 * SHORTEST)


def test_layouts_come_in_whole_frames() -> None:
    made = FrameLayout.of(320, 16_000, delay_ms=45, causal=True, window_s=20, context_s=4)
    assert made == FrameLayout(frame=320, delay=2, causal=True, window=320_000, context=64_000)
    for wrong in ({"window": 405}, {"context": 5}, {"context": 300}):
        with pytest.raises(ValidationError, match="whole frames"):
            FrameLayout.model_validate(layout().model_dump() | wrong)
