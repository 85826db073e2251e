"""Names of people and sessions that only file names hold: a regular expression with a named group finds them."""

from __future__ import annotations

import re

from sonant.errors import ConfigError, DataError

_EXAMPLES = {"speaker": r".*/(?P<speaker>\w+)_\d+\.wav", "session": r"(?P<session>\d+-\d+)-\d+\.flac$"}


def compiled(text: str | None, group: str) -> re.Pattern[str] | None:
    """The pattern of a config key `<group>_pattern`; None where there is none."""
    key = f"{group}_pattern"
    try:
        pattern = None if text is None else re.compile(text)
    except re.error as error:
        raise ConfigError("config.invalid", f"{key} {text!r}: {error}") from error
    if pattern is not None and group not in pattern.groupindex:
        hint = f"write it as (?P<{group}>...), such as {_EXAMPLES[group]}"
        raise ConfigError("config.invalid", f"{key} {text!r} has no group `{group}`", hint=hint)
    return pattern


def named(pattern: re.Pattern[str], group: str, path: str) -> str:
    """What the group finds in a path: there must be something."""
    match = pattern.search(path)
    if match is None or not match[group]:
        raise DataError("data.invalid", f"{group}_pattern {pattern.pattern!r} finds no {group} in {path}")
    return match[group]
