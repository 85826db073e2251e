import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sonant.audio.wav import encode_wav
from sonant.data.child import HEAD, answer
from sonant.data.source import Job


def job(path: Path, **part: float) -> Job:
    return {
        "kind": "file",
        "url": str(path),
        "rate_hz": 16000,
        "max_s": 1.0,
        "start_s": None,
        "duration_s": None,
        **part,
    }


def ask(wanted: Job) -> tuple[dict[str, str], np.ndarray]:
    head, body = answer(wanted)
    return head, np.frombuffer(body, "<i2")


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """Half a second whose n-th sample is n."""
    path = tmp_path / "ramp.wav"
    path.write_bytes(encode_wav(np.arange(8000) / 32768, 16000))
    return path


def test_a_file_comes_back_bit_for_bit(ramp: Path) -> None:
    head, pcm_N = ask(job(ramp))
    assert head == {}
    np.testing.assert_array_equal(pcm_N, np.arange(8000))


def test_parts_of_a_file(ramp: Path) -> None:
    assert ask(job(ramp, start_s=0.1, duration_s=0.05))[1].tolist() == list(range(1600, 2400))
    assert ask(job(ramp, start_s=0.4))[1].tolist() == list(range(6400, 8000))
    # Rounded up by a millisecond, as durations in tables are.
    assert ask(job(ramp, start_s=0.4, duration_s=0.101))[1].size == 1600


@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({"start_s": 0.5}, "audio.empty"),
        ({"start_s": 0.4, "duration_s": 0.2}, "audio.empty"),
        ({"start_s": 0.1, "duration_s": 0.0}, "audio.empty"),
        ({"start_s": 0.0, "duration_s": 0.4, "max_s": 0.3}, "audio.too_long"),
        ({"max_s": 0.3}, "audio.too_long"),
    ],
)
def test_parts_that_are_not_there_or_too_long(ramp: Path, part: dict[str, float], code: str) -> None:
    assert ask(job(ramp, **part))[0]["code"] == code


def test_prints_of_libraries_do_not_reach_the_answers(ramp: Path) -> None:
    code = "import os, sonant.data.child as c; c.JOBS['shout'] = shout; c.main()"
    setup = (
        "import os, numpy as np\ndef shout(job): os.write(1, b'noise'); print('more'); return np.ones(3, np.int16)\n"
    )
    lines = json.dumps({"kind": "shout"}).encode() + b"\n"
    ran = subprocess.run([sys.executable, "-c", setup + code], input=lines, capture_output=True, check=True)
    assert ran.stdout == HEAD.pack(2, 6) + b"{}" + b"\x01\0" * 3
    assert b"noise" in ran.stderr


def test_starts_without_torch() -> None:
    code = "import sys, sonant.data.child; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
