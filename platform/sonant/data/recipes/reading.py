"""Lists of sound files that others made: their text, and where the files lie that they name."""

from __future__ import annotations

from typing import Any, cast

import fsspec

from sonant.errors import DataError

_MAX_BYTES = 1 << 30


def read_text(url: str) -> str:
    """The text of a list; DataError where it cannot be read."""
    try:
        with fsspec.open(url, "rb") as file:
            return cast(bytes, cast(Any, file).read(_MAX_BYTES)).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError("data.not_found", f"cannot read {url}: {error}") from error


def below(base: str, path: str) -> str:
    """A path of a list: relative to `base`, unless it says itself where it begins."""
    return path if path.startswith("/") or "://" in path else f"{base.rstrip('/')}/{path}"
