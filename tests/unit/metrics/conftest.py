"""Something like speech: enough like it for PESQ to find utterances in it."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def speech() -> Callable[..., NDArray[np.float64]]:
    """speech(seconds, seed, rate_hz): harmonics of a gliding pitch through two moving formants, in syllables, with
    pauses, over faint noise."""

    def make(seconds: float = 3.0, seed: int = 0, rate_hz: int = 16_000) -> NDArray[np.float64]:
        random = np.random.default_rng(seed)
        time_N = np.arange(round(seconds * rate_hz)) / rate_hz
        pitch_N = random.uniform(90, 220) * (1 + 0.2 * np.sin(2 * np.pi * 0.7 * time_N + random.uniform(0, 6)))
        phase_N = 2 * np.pi * np.cumsum(pitch_N) / rate_hz
        formant_N = [f * (1 + 0.3 * np.sin(2 * np.pi * r * time_N)) for f, r in ((600, 1.1), (1700, 1.7))]
        wav_N = np.zeros_like(time_N)
        for k in range(1, 30):
            gain_N = sum(np.exp(-(((k * pitch_N - f_N) / 250) ** 2)) for f_N in formant_N)
            wav_N += (gain_N + 0.02) * np.sin(k * phase_N)
        syllables_N = np.sin(np.pi * 3.5 * time_N) ** 2 * (
            np.sin(2 * np.pi * 0.6 * time_N + random.uniform(0, 6)) > -0.6
        )
        return 0.1 * wav_N * syllables_N + 1e-4 * random.standard_normal(time_N.size)

    return make
