import pytest

from sonant.config.load import check
from sonant.config.noisy import Noising
from sonant.errors import ConfigError


def test_lists_become_ranges() -> None:
    config: Noising = check(Noising, {"snr_db": [-10, 30], "snr_levels_db": [0, 10], "excluded_noises": ["Babble"]})
    assert (config.snr_db, config.snr_levels_db, config.excluded_noises) == ((-10.0, 30.0), (0.0, 10.0), ("Babble",))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"snr_db": [5, -5]}, r"snr_db=\[5, -5\] must rise"),
        ({"noises": [2, 1]}, r"noises=\[2, 1\] must rise"),
        ({"noises": [0, 1]}, "greater than or equal to 1"),
        ({"item_s": 0.2}, r"item_s=0.2 must not be under min_s=0.3"),
        ({"noise_only_p": 0.6, "clean_only_p": 0.6}, "shares of one whole"),
        ({"snr_level_db": [0]}, "did you mean snr_levels_db"),
    ],
)
def test_mistakes_are_told(wrong, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check(Noising, wrong)
