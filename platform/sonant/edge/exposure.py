"""Where a server without keys may listen: on this machine alone, unless somebody says that everybody may come in."""

from __future__ import annotations

import ipaddress

from sonant.errors import EnvError

ANYONE = "anyone"
"""Instead of a file of keys: everybody who reaches the server may use it, and that is wanted."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens at `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check(host: str, keys: str | None) -> None:
    """EnvError env.exposed if other machines can reach a server that asks for no key."""
    if keys is None and not is_loopback(host):
        raise EnvError(
            "env.exposed",
            f"{host} is not a loopback address, and this server asks for no keys",
            hint="`sonant keys add NAME --file keys.json` and `keys: keys.json`; or `keys: anyone`, if that is meant",
        )
