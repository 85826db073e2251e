import numpy as np
import pytest

from sonant.data.source import Job
from sonant.data.speech import speak, trim
from sonant.errors import DataError


def job(text: str, **changes: float) -> Job:
    manner = {"rate": 150, "pitch": 50, "range": 50, "rate_hz": 16000, "max_s": 1.0}
    return {"kind": "speak", "text": text, "voice": "en-US+f1", **manner, **changes}


def test_a_word_is_trimmed_and_at_the_wanted_rate() -> None:
    word_N = speak(job("yes"))
    half_N = speak(job("yes", rate_hz=8000))
    assert 0.2 < word_N.size / 16000 < 0.8
    assert half_N.size == pytest.approx(word_N.size / 2, abs=1)
    loud = np.flatnonzero(np.abs(word_N.astype(int)) > 0.01 * np.abs(word_N.astype(int)).max())
    assert loud[0] < 0.03 * 16000
    assert word_N.size - loud[-1] < 0.03 * 16000


def test_a_long_word_is_said_faster_until_it_fits() -> None:
    assert speak(job("extraordinary", max_s=2.0)).size > 0.7 * 16000
    assert speak(job("extraordinary", max_s=0.7)).size <= 0.7 * 16000


def test_what_never_fits_or_is_no_word() -> None:
    with pytest.raises(DataError, match=r"longer than clip_s = 0\.3 s"):
        speak(job("incomprehensibilities", max_s=0.3))
    with pytest.raises(DataError, match="says nothing"):
        speak(job("..."))


def test_trim_keeps_a_little_pause() -> None:
    pcm_N = np.zeros(22050, np.int16)
    pcm_N[10000:12000] = 1000
    pcm_N[500] = 5
    assert trim(pcm_N).size == 2000 + 2 * 441
    assert trim(np.zeros(100, np.int16)).size == 0
