import pytest

from sonant.data.corpora.patterns import compiled, named
from sonant.errors import ConfigError, DataError


def test_a_named_group_finds_the_name() -> None:
    pattern = compiled(r"(?P<session>\d+-\d+)-\d+\.flac$", "session")
    assert pattern is not None
    assert named(pattern, "session", "x/27-1-0.flac") == "27-1"
    with pytest.raises(DataError, match=r"session_pattern .* finds no session in x.wav"):
        named(pattern, "session", "x.wav")
    assert compiled(None, "session") is None


def test_patterns_that_are_none() -> None:
    with pytest.raises(ConfigError, match="speaker_pattern"):
        compiled("(", "speaker")
    with pytest.raises(ConfigError, match="has no group `speaker`") as caught:
        compiled("(?P<session>.)", "speaker")
    assert "(?P<speaker>" in caught.value.hint
