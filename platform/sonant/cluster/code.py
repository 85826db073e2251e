"""Which code a cluster runs: the checkout we stand in, not what its image holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_EXCLUDES = (
    "/.git", "/.venv*", "/data", "/runs", "/store", "/bundles", "/wandb", "/build", "/dist",
    "**/__pycache__", "**/.*_cache", "**/*.egg-info",
)  # fmt: skip
"""Never uploaded: Ray refuses packages over 512 MiB, and audio belongs into a bucket."""


def runtime_env(root: Path | None = None) -> dict[str, Any]:
    """Uploads the checkout at `root` (default: this folder); outside of one, the image's code is used.

    `sonant` lives one folder down and goes as a module; models, jobs and serve_apps are found because Ray makes the
    working folder importable.
    """
    folder = root or Path.cwd()
    package = folder / "platform" / "sonant"
    if not package.is_dir():
        return {}
    return {"working_dir": str(folder), "py_modules": [str(package)], "excludes": list(_EXCLUDES)}
