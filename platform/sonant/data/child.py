"""What runs in the helper processes of `prepare`: jobs come in as lines of JSON, samples go out as bytes.

A process of its own for decoding and speaking keeps crashes and hangs of native code out of ours, and a plain
`python -m` neither imports the caller's main module again (as multiprocessing would) nor loads torch.
Answer: two little-endian uint32 (length of the JSON head, of the body), the head, the body (int16 samples).
"""

from __future__ import annotations

import json
import os
import struct
import sys
import traceback
from collections.abc import Callable
from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sonant.audio.decode import MAX_BYTES, decode_path
from sonant.audio.samples import Wav, to_int16
from sonant.data.corpus import Corpus
from sonant.data.silence import silence
from sonant.data.source import Job
from sonant.data.speech import speak
from sonant.errors import AudioError, SonantError

HEAD = struct.Struct("<II")
# A recording of which a job wants only a part may be long; decoded, this much fits into memory.
_LONGEST_FILE_S = 4 * 3600.0
_LONGEST_FILE_BYTES = 2 << 30


def main() -> None:
    """Answers one job after another until its input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    # Native libraries may print; nothing but answers may reach the parent.
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        head, body = answer(cast(Job, json.loads(line)))
        raw = json.dumps(head).encode()
        answers.write(HEAD.pack(len(raw), len(body)) + raw + body)
        answers.flush()


def answer(job: Job) -> tuple[dict[str, str], bytes]:
    """Head and body of the answer to a job."""
    try:
        return {}, JOBS[str(job["kind"])](job).astype("<i2", copy=False).tobytes()
    except SonantError as error:
        return {"code": error.code, "message": error.message, "hint": error.hint}, b""
    except Exception:
        # A mistake of ours: the parent raises it again with this text.
        return {"bug": traceback.format_exc()}, b""


def _file(job: Job) -> NDArray[np.int16]:
    """Samples of a whole file, or of a part that begins at `start_s`."""
    url, rate_hz, max_s = str(job["url"]), _number(job, "rate_hz"), _number(job, "max_s")
    if job["start_s"] is None:
        return to_int16(decode_path(url, rate_hz=int(rate_hz), max_s=max_s))
    wav_N = _recording(url, int(rate_hz))
    first = round(_number(job, "start_s") * rate_hz)
    last = wav_N.size if job["duration_s"] is None else first + round(_number(job, "duration_s") * rate_hz)
    # Durations are often rounded up in manifests; more than 10 ms beyond the end is another matter.
    if first >= min(last, wav_N.size) or last > wav_N.size + 0.01 * rate_hz:
        raise AudioError("audio.empty", f"{url} ends at {wav_N.size / rate_hz:.3f} s, before the wanted part does")
    if last - first > max_s * rate_hz:
        raise AudioError("audio.too_long", f"{url}: the part is longer than {max_s:g} s")
    return to_int16(wav_N[first:last])


@lru_cache(maxsize=1)
def _recording(url: str, rate_hz: int) -> Wav:
    """Parts of one recording follow each other in a manifest: it is decoded once."""
    return decode_path(url, rate_hz=rate_hz, max_s=_LONGEST_FILE_S, max_bytes=max(MAX_BYTES, _LONGEST_FILE_BYTES))


def _stored(job: Job) -> NDArray[np.int16]:
    """A clip of a prepared corpus."""
    return _corpus(str(job["corpus"])).read(int(_number(job, "row")))


@lru_cache(maxsize=4)
def _corpus(url: str) -> Corpus:
    return Corpus.open(url)


def _number(job: Job, key: str) -> float:
    value = job[key]
    assert isinstance(value, int | float), key
    return value


JOBS: dict[str, Callable[[Job], NDArray[np.int16]]] = {
    "file": _file,
    "speak": speak,
    "silence": silence,
    "stored": _stored,
}


if __name__ == "__main__":
    main()
