"""torchaudio imports beside a CPU-only torch, and nothing is replaced where it loads by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

LINKED_AGAINST_CUDA = 'raise OSError("Could not load this library: /x/_torchaudio.abi3.so")'


def import_shim(folder: Path, extension: str) -> subprocess.CompletedProcess[str]:
    """Imports the shim in a fresh interpreter, where `torchaudio` is a package with the given extension source."""
    package = folder / "torchaudio"
    package.mkdir()
    (package / "__init__.py").write_text("from . import _extension\n", encoding="utf-8")
    (package / "_extension.py").write_text(extension, encoding="utf-8")
    script = "from models.torchaudio_shim import torchaudio; print(torchaudio._extension._IS_ALIGN_AVAILABLE)"
    paths = os.pathsep.join([str(folder), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True
    )


def test_real_package_works() -> None:
    if find_spec("torchaudio") is None:
        pytest.skip("the pretrained extra is not installed")
    from models.torchaudio_shim import torchaudio

    assert torchaudio.functional.melscale_fbanks(201, 0.0, 8000.0, 40, 16000).shape == (201, 40)
    assert torchaudio.pipelines.WAV2VEC2_BASE.sample_rate == 16000


def test_stand_in_only_for_the_native_library(tmp_path: Path) -> None:
    done = import_shim(tmp_path, LINKED_AGAINST_CUDA)
    assert done.stdout.strip() == "False", done.stderr


def test_working_package_is_left_alone(tmp_path: Path) -> None:
    done = import_shim(tmp_path, "_IS_ALIGN_AVAILABLE = True")
    assert done.stdout.strip() == "True", done.stderr


def test_other_failures_are_not_hidden(tmp_path: Path) -> None:
    done = import_shim(tmp_path, 'raise OSError("disk on fire")')
    assert done.returncode != 0
    assert "disk on fire" in done.stderr
