import pytest

from sonant.errors import EnvError
from sonant.metrics.speech_extra import required


def test_a_missing_package_is_told() -> None:
    with pytest.raises(EnvError, match="needs the package no_such_package") as caught:
        required("no_such_package")
    assert caught.value.code == "env.missing_extra"
    assert "sonant[speech]" in caught.value.hint
