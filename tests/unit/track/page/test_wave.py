"""Waves as pictures: a stroke for each stretch, from its lowest to its highest sample."""

import re

import numpy as np
import pytest

from sonant.track.page.wave import waveform


def strokes(wav_N: np.ndarray) -> list[tuple[float, float]]:
    found = re.findall(r"M[\d.]+ ([\d.]+)V([\d.]+)", waveform(wav_N, label="it"))
    return [(float(top), float(bottom)) for top, bottom in found]


def test_each_stretch_goes_from_its_highest_to_its_lowest_sample() -> None:
    wav_N = np.zeros(2400, np.float32)
    wav_N[1200], wav_N[1205] = 1.0, -0.5
    drawn = strokes(wav_N)
    assert len(drawn) == 240
    assert drawn[120] == pytest.approx((0, 30.5))
    assert drawn[0] == pytest.approx((20, 20.5))


@pytest.mark.parametrize("samples", [0, 1, 7])
def test_short_sounds_have_pictures(samples: int) -> None:
    assert len(strokes(np.full(samples, 3.0))) == samples
    assert 'aria-label="it"' in waveform(np.zeros(samples), label="it")
