"""Loud stretches of clean recordings."""

import numpy as np
import pytest

from sonant.data.activity import loud_spans


def test_bursts_over_a_floor_are_found() -> None:
    rng = np.random.default_rng(0)
    wav_N = 10 * rng.standard_normal(48_000)
    for start, end in ((0.5, 1.0), (1.6, 2.4)):
        part = slice(round(start * 16_000), round(end * 16_000))
        wav_N[part] += 3000 * np.sin(np.arange(part.stop - part.start) / 5)
    spans = loud_spans(wav_N.astype(np.int16), 16_000, "speech")
    assert [span.label for span in spans] == ["speech", "speech"]
    assert [(span.start_s, span.end_s) for span in spans] == [
        (pytest.approx(0.5, abs=0.05), pytest.approx(1.0, abs=0.05)),
        (pytest.approx(1.6, abs=0.05), pytest.approx(2.4, abs=0.05)),
    ]


def test_short_gaps_are_bridged_and_clicks_left_out() -> None:
    wav_N = np.random.default_rng(0).normal(0, 5, 32_000)
    wav_N[4000:8000] = wav_N[9000:13_000] = 2000
    wav_N[4000:13_000:2] *= -1
    wav_N[20_000] = 20_000
    (span,) = loud_spans(wav_N.astype(np.int16), 16_000, "x")
    assert span.start_s == pytest.approx(0.25, abs=0.05)
    assert span.end_s == pytest.approx(0.81, abs=0.05)


@pytest.mark.parametrize("samples", [0, 10, 16_000])
def test_nothing_is_nothing(samples: int) -> None:
    assert loud_spans(np.zeros(samples, np.int16), 16_000, "x") == []
