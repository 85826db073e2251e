import subprocess
import sys

import numpy as np
import pytest

from sonant.data.espeak import ACCENTS, Manner, say, variants
from sonant.errors import EnvError

MANNER = Manner(rate=170, pitch=50, range=50)


def test_there_are_hundreds_of_voices() -> None:
    assert len(ACCENTS) * len(variants()) == 832


def test_voices_and_manners_sound_different() -> None:
    voices = [say("yes", voice, MANNER) for voice in ("en-US+Alicia", "en-US+klatt", "en-GB-scotland+Alicia")]
    manners = [
        say("yes", "en-US+Alicia", MANNER._replace(**change))
        for change in ({"rate": 220}, {"pitch": 80}, {"range": 90})
    ]
    assert len({wav.tobytes() for wav in voices + manners}) == 6
    assert manners[0].size < voices[0].size
    assert all(4000 < wav.size < 30000 for wav in voices)


def test_what_was_said_before_changes_nothing() -> None:
    # The library itself keeps state between utterances, and seeds breath and whisper with the time.
    for voice in ("en-US+Alicia", "en+whisper", "en-US+zac"):
        first = say("hello", voice, MANNER)
        say("something else", "en+croak", Manner(120, 10, 10))
        np.testing.assert_array_equal(first, say("hello", voice, MANNER))


def test_another_process_at_another_time_says_the_same() -> None:
    # espeak-ng seeds itself with the time, in seconds.
    code = (
        "import hashlib, time; from sonant.data.espeak import *; began = int(time.time());"
        "print(began, hashlib.sha256(say('hello', 'en+whisper', Manner(170, 50, 50)).tobytes()).hexdigest())"
    )
    told: dict[str, str] = {}
    while len(told) < 3:
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        second, wave = ran.stdout.split()
        told[second] = wave
    assert len(set(told.values())) == 1


def test_text_is_text() -> None:
    # No markup and no phoneme codes, and whatever is in the text, one answer comes for each request.
    for text in ("", "<break time='10s'/>", 'a"\n[]', "[[h@l'oU]]", "\u00e9\u4e2d"):
        say(text, "en+f1", MANNER)
    assert say("yes", "en+f1", MANNER).size > 4000


def test_a_voice_that_is_not_there() -> None:
    with pytest.raises(EnvError, match=r"xx\+f1") as caught:
        say("yes", "xx+f1", MANNER)
    assert caught.value.code == "env.child"


def test_a_dead_process_is_a_typed_error() -> None:
    # In a process of its own: the one of this process serves the other tests too.
    code = """
import os, signal, subprocess, sys
from pathlib import Path
from sonant.data.espeak import Manner, say
from sonant.errors import EnvError
manner = Manner(170, 50, 50)
say("yes", "en+f1", manner)
(pid,) = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
os.kill(int(pid), signal.SIGKILL)
for _ in range(2):
    try:
        say("yes", "en+f1", manner)
    except EnvError as error:
        print(error.code)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["env.child", "env.child"]
