"""Words in the voices of espeak-ng: the same samples for the same words, voice and manner, always."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sonant.data import espeak_fork
from sonant.errors import EnvError

RATE_HZ = 22050
# en-Shaw, the ninth, speaks words in Latin letters exactly as `en` does.
ACCENTS = (
    "en", "en-029", "en-GB-scotland", "en-GB-x-gbclan", "en-GB-x-gbcwmd", "en-GB-x-rp", "en-US", "en-US-nyc",
)  # fmt: skip


class Manner(NamedTuple):
    """How a word is said: words a minute, and 0..99 for the height and the movement of the pitch."""

    rate: int
    pitch: int
    range: int


# espeakRATE, espeakPITCH, espeakRANGE of speak_lib.h, in the order of Manner.
_PARAMETERS = (1, 3, 4)


def variants() -> list[str]:
    """Names of the voice variants, sorted: each changes timbre, age, sex or breath."""
    return sorted(os.listdir(os.path.join(_paths()[1], "espeak-ng-data", "voices", "!v")))


def say(text: str, voice: str, manner: Manner) -> NDArray[np.int16]:
    """`text` spoken by `voice` (accent+variant), (N,) at RATE_HZ."""
    process = _process()
    assert process.stdin is not None
    request = json.dumps([text, voice, *zip(_PARAMETERS, manner, strict=True)]).encode()
    with suppress(BrokenPipeError):  # it is dead: there will be no answer either
        process.stdin.write(request + b"\n")
        process.stdin.flush()
    status, raw = _receive(process)
    if status != 0:
        raise EnvError("env.child", f"espeak-ng failed ({status}) to say {text!r} in the voice {voice}")
    return np.frombuffer(raw, np.int16)


@cache
def _process() -> subprocess.Popen[bytes]:
    """One for this process; it ends when its input does, with us."""
    script = [sys.executable, "-I", "-S", espeak_fork.__file__, *_paths()]
    process = subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603 - our own script
    rate_hz, _ = _receive(process)
    if rate_hz != RATE_HZ:
        raise EnvError("env.child", f"espeak-ng did not start ({rate_hz})")
    return process


def _receive(process: subprocess.Popen[bytes]) -> tuple[int, bytes]:
    assert process.stdout is not None
    head = process.stdout.read(espeak_fork.HEAD.size)
    if len(head) < espeak_fork.HEAD.size:
        raise EnvError("env.child", "the process of espeak-ng ended")
    status, size = espeak_fork.HEAD.unpack(head)
    return status, process.stdout.read(size)


def _paths() -> tuple[str, str]:
    """The library, and the folder that holds espeak-ng-data."""
    try:
        import espeakng_loader
    except ImportError as error:
        hint = "pip install 'sonant[synth]'"
        raise EnvError("env.missing_extra", "speech synthesis needs the extra `synth`", hint=hint) from error
    return espeakng_loader.get_library_path(), os.path.dirname(espeakng_loader.get_data_path())
