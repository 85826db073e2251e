"""The one door to torchaudio: `from models.torchaudio_shim import torchaudio`.

The wheels on PyPI are linked against CUDA, so beside a CPU-only torch their native library does not load and the whole
package refuses to import. Everything we use of it (transforms, functional, the wav2vec2 models) is pure Python: here,
and only when the plain import fails for that reason, a stand-in says that the native library is absent.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import NoReturn


def _no_align(_function: Callable[..., object]) -> Callable[..., NoReturn]:
    """Replaces the functions that live in the native library."""

    def fail(*_args: object, **_kwargs: object) -> NoReturn:
        raise RuntimeError("forced alignment needs torchaudio's native library, which does not load beside this torch")

    return fail


def _stand_in() -> ModuleType:
    """What torchaudio/_extension/__init__.py offers where the library was never built."""
    module = ModuleType("torchaudio._extension")
    vars(module).update(_IS_TORCHAUDIO_EXT_AVAILABLE=False, _IS_ALIGN_AVAILABLE=False, fail_if_no_align=_no_align)
    return module


try:
    import torchaudio  # noqa: TID251
except OSError as error:
    if "_torchaudio" not in str(error):
        raise
    sys.modules["torchaudio._extension"] = _stand_in()
    import torchaudio  # noqa: TID251

__all__ = ["torchaudio"]
