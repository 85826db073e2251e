"""environment.json: what a run ran on, so that its numbers can be judged and repeated."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

_PACKAGES = ("sonant", "torch", "numpy", "ray", "onnxruntime", "onnx", "safetensors", "pyarrow", "soxr", "wandb")


def collect(seed: int) -> dict[str, Any]:
    """Git commit, versions, machine and seed, ready for JSON."""
    return {
        "seed": seed,
        "git": _git(),
        "python": platform.python_version(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "machine": {
            "host": platform.node(),
            "system": platform.platform(),
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
            "gpus": [torch.cuda.get_device_name(at) for at in range(torch.cuda.device_count())],
        },
        "threads": {"torch": torch.get_num_threads(), "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS")},
        "command": sys.argv,
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _git() -> dict[str, Any] | None:
    """Commit of the source tree and whether it had changes; None outside a checkout, as in an image."""
    commit = _git_says("rev-parse", "HEAD")
    return {"commit": commit, "dirty": bool(_git_says("status", "--porcelain"))} if commit else None


def _git_says(*words: str) -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None  # no git here
    return done.stdout.strip() if done.returncode == 0 else None
