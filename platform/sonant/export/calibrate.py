"""The temperature of a bundle: fitted on the validation clips of its run, and judged on them and on the test clips."""

from __future__ import annotations

from sonant.measure.evaluate import SplitName, judge
from sonant.metrics.calibration import expected_calibration_error, temperature


def calibrate(run: str, *, test: bool) -> tuple[float, dict[str, float]]:
    """The temperature, and `<split>.ece_calibrated` of validation clips and, where there are any, test clips."""
    splits: tuple[SplitName, ...] = ("validation", "test") if test else ("validation",)
    judged = {name: judge(run, split=name) for name in splits}
    known = judged["validation"]
    fitted = temperature(known.scored.logits_NK, known.scored.label_N, known.link)
    return fitted, {
        f"{name}.ece_calibrated": expected_calibration_error(
            each.scored.logits_NK, each.scored.label_N, link=each.link.cooled(fitted)
        )
        for name, each in judged.items()
    }
