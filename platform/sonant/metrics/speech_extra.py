"""The packages behind PESQ and STOI, which only those need who ask for them."""

from __future__ import annotations

import importlib
from typing import Any

from sonant.errors import EnvError


def required(package: str) -> Any:
    """The package; EnvError where it is not installed."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        hint = "pip install 'sonant[speech]' (pesq is compiled: it needs a C compiler)"
        raise EnvError("env.missing_extra", f"this metric needs the package {package}: {error}", hint=hint) from error
