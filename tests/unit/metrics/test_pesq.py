import subprocess
import sys

import numpy as np
import pytest

from sonant.metrics.pesq import pesq

package = pytest.importorskip("pesq", reason="needs the extra speech")


def test_it_is_the_packages_and_the_best_for_a_copy(speech) -> None:
    target = speech(3.0).astype(np.float32)
    # The upper end of P.862.2's mapping: 0.999 + 4 / (1 + exp(-1.3669 * 4.5 + 3.8224)).
    best = 0.999 + 4 / (1 + np.exp(-1.3669 * 4.5 + 3.8224))
    assert pesq(target, target, 16_000) == pytest.approx(best, abs=1e-3)
    noisy = target + 0.01 * np.random.default_rng(0).standard_normal(target.size).astype(np.float32)
    assert pesq(noisy, target, 16_000) == pytest.approx(package.pesq(16_000, target, noisy, "wb"))
    assert 1 < pesq(noisy, target, 16_000) < 3


def test_more_noise_is_worse(speech) -> None:
    target, noise = speech(3.0), np.random.default_rng(0).standard_normal(48_000)
    values = [pesq(target + level * noise, target, 16_000) for level in (3e-4, 1e-3, 1e-2)]
    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1] + 0.5


def test_what_cannot_be_measured_is_no_number(speech) -> None:
    target = speech(2.0)
    nothing = np.zeros_like(target)
    for pair in ((target[:2000], target[:2000]), (target, nothing), (nothing, target), (target[:0], target[:0])):
        assert np.isnan(pesq(*pair, 16_000))
    assert np.isnan(pesq(target, target, 8000))


def test_long_speech_with_many_pauses_does_not_kill_the_process() -> None:
    """30 s with 66 bursts crash the package; in a process of its own, because that is no exception."""
    code = """
import numpy as np
from sonant.metrics.pesq import pesq
random = np.random.default_rng(0)
time = np.arange(480_000) / 16_000
wave = 0.1 * random.standard_normal(480_000) * (time % 0.45 < 0.225)
noisy = np.roll(wave, 100) + 0.01 * random.standard_normal(480_000)
print(pesq(noisy, wave, 16_000))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert 1.0 < float(ran.stdout) < 2.0
