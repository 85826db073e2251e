import numpy as np
import pytest

from sonant.metrics.composite import Composite, Parts, composite, parts


def test_the_regressions() -> None:
    of = Parts(pesq=2.0, llr=0.8, wss=40.0, segmental_snr=5.0)
    assert composite(of) == pytest.approx(
        (
            3.093 - 1.029 * 0.8 + 0.603 * 2 - 0.009 * 40,
            1.634 + 0.478 * 2 - 0.007 * 40 + 0.063 * 5,
            1.594 + 0.805 * 2 - 0.512 * 0.8 - 0.007 * 40,
        )
    )


def test_scores_stay_on_the_scale_and_unknown_parts_are_not_hidden() -> None:
    assert composite(Parts(4.64, 0, 0, 35)) == Composite(5, 5, 5)
    assert composite(Parts(1.04, 5, 400, -10)) == Composite(1, 1, 1)
    unknown = composite(Parts(float("nan"), 0.5, 30, 5))
    assert all(np.isnan(score) for score in unknown)
    assert np.isnan(composite(Parts(2, 0.5, float("nan"), 5))).all()


def test_of_speech(speech) -> None:
    pytest.importorskip("pesq", reason="needs the extra speech")
    target, noise = speech(3.0), np.random.default_rng(0).standard_normal(48_000)
    assert composite(parts(target, target, 16_000)) == Composite(5, 5, 5)
    few, many = (composite(parts(target + level * noise, target, 16_000)) for level in (1e-3, 1e-2))
    assert all(a > b for a, b in zip(few, many, strict=True))
