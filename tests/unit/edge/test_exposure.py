"""Where a server without keys may listen."""

from __future__ import annotations

import pytest

from sonant.edge import exposure
from sonant.errors import EnvError


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.8.8", "::1"])
def test_this_machine_may_come_in_without_keys(host: str) -> None:
    exposure.check(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.com", "localhost.example.com", ""])
def test_others_need_keys_or_an_explicit_word(host: str) -> None:
    with pytest.raises(EnvError, match="no keys") as caught:
        exposure.check(host, None)
    assert caught.value.code == "env.exposed"
    exposure.check(host, "keys.json")
    exposure.check(host, exposure.ANYONE)
