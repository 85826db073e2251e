import pytest

from sonant.config.load import check
from sonant.config.mix import Mixing
from sonant.errors import ConfigError


def test_lists_become_ranges() -> None:
    config: Mixing = check(Mixing, {"snr_db": [-5, 10], "interferers": [0, 3], "mix_s": None})
    assert (config.snr_db, config.interferers, config.mix_s) == ((-5.0, 10.0), (0, 3), None)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"snr_db": [5, -5]}, r"snr_db=\[5, -5\] must rise"),
        ({"interferers": [2, 1]}, r"interferers=\[2, 1\] must rise"),
        ({"mix_s": 0.5}, r"mix_s=0.5 must not be under min_s=1"),
        ({"overlap": [0.5, 1.5]}, "less than or equal to 1"),
        ({"references": [0, 1]}, "greater than or equal to 1"),
        ({"enrolment": "chapter"}, "session_if_any"),
        ({"absent": 0.1}, "did you mean absent_p"),
    ],
)
def test_mistakes_are_told(wrong, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check(Mixing, wrong)
