"""The temperature of a bundle: fitted on the validation clips of its run, and judged on them and on the test clips."""

from __future__ import annotations

from sonant.measure.evaluate import SplitName, judge
from sonant.metrics.calibration import expected_calibration_error, temperature


def calibrate(run: str, *, test: bool) -> tuple[float, dict[str, float]]:
    """The temperature, and `<split>.ece_calibrated` of validation clips and, where there are any, test clips."""
    splits: tuple[SplitName, ...] = ("validation", "test") if test else ("validation",)
    scored = {name: judge(run, split=name).scored for name in splits}
    known = scored["validation"]
    fitted = temperature(known.logits_NK, known.label_N)
    return fitted, {
        f"{name}.ece_calibrated": expected_calibration_error(outputs.logits_NK / fitted, outputs.label_N)
        for name, outputs in scored.items()
    }
