"""Files made to hurt: forged headers, mutations, bombs. Each ends in samples or an AudioError, quickly and small.

Memory is that of the whole process: libsndfile and FFmpeg allocate outside of Python's sight.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Callable

import numpy as np
import pytest

from sonant.audio.decode import decode
from sonant.audio.hostile import FORGED, mutants
from sonant.errors import AudioError

MIB = 1 << 20
# Children that are forked here use neither threads nor locks of the parent.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def outcome(data: bytes, *, max_s: float = 5.0) -> str:
    """ok, or the code of the AudioError; samples are checked for what every caller relies on."""
    try:
        wav_N = decode(data, rate_hz=16_000, max_s=max_s, max_bytes=32 * MIB)
    except AudioError as error:
        return error.code
    assert wav_N.dtype == np.float32
    assert 0 < len(wav_N) <= 16_000 * max_s + 1_000
    assert np.isfinite(wav_N).all()
    assert np.abs(wav_N).max() <= 1
    return "ok"


def peak_growth_mib(work: Callable[[], object], *, warm: Callable[[], object] | None = None) -> float:
    """How far `work` raises the process's peak memory, measured in a child so that earlier peaks do not hide it.

    `warm` runs first and is not counted: what codecs allocate once, however little they decode.
    """
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        if warm is not None:
            warm()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        status = 1
        try:
            work()
            status = 0
        finally:
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            os.write(write_end, str(grown).encode())
            os._exit(status)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        grown_kib = int(pipe.read())
    assert os.waitpid(child, 0)[1] == 0
    return grown_kib / 1024


@pytest.mark.parametrize("name", FORGED)
def test_forged_headers(name):
    data, allowed = FORGED[name]
    grown_mib = peak_growth_mib(lambda: outcome(data))
    assert outcome(data) in allowed
    assert grown_mib < 32


def test_mutations_end_in_samples_or_an_error(named_file, capfd):
    name, data, _ = named_file
    outcomes = [outcome(mutant) for mutant in mutants(data, seed=len(name), count=40)]
    # Some survive, some do not: the mutations are neither too weak nor too strong. (The vorbis is one page with a CRC.)
    assert len(set(outcomes)) > 1 or name == "vorbis"
    assert "Traceback" not in capfd.readouterr().err


def test_random_bytes_behind_every_magic():
    rng = np.random.default_rng(5)
    heads = [b"RIFF\xff\xff\xff\xffWAVE", b"fLaC", b"OggS\0\2", b"\x1a\x45\xdf\xa3", b"\0\0\0\x18ftyp", b"\xff\xfb\x90"]
    heads += [b"\xff\xf1\x50", b"FORM\0\0\xff\xffAIFF", b"NIST_1A\n   1024\n", b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90"]
    for head in heads:
        for _ in range(10):
            assert outcome(head + rng.bytes(int(rng.integers(1, 4_000)))) in {
                "ok", "audio.undecodable", "audio.unsupported", "audio.empty", "audio.not_finite", "audio.too_long",
            }  # fmt: skip


@pytest.mark.parametrize("name", ["flac", "opus", "vorbis", "webm", "m4a", "mp4", "wav-16"])
def test_long_silence_is_refused_while_it_is_decoded(name, encode):
    seconds = 3_600 if name == "flac" else 120
    rate_hz = 8_000 if name in {"wav-16", "flac"} else 48_000
    bomb = encode(name, np.zeros((rate_hz * seconds, 1), np.float32), rate_hz)
    if name == "flac":
        assert len(bomb) * 100 < rate_hz * seconds * 2
    assert outcome(bomb, max_s=5) == "audio.too_long"
    short = encode(name, np.zeros((rate_hz, 1), np.float32), rate_hz)
    assert peak_growth_mib(lambda: outcome(bomb, max_s=5), warm=lambda: outcome(short)) < 16


def test_more_samples_than_seconds_explain(encode):
    """Eight channels at the highest rate stay within the seconds, but not within the work."""
    data = encode("flac", np.zeros((384_000 * 3, 8), np.float32), 384_000)
    assert outcome(data, max_s=5) == "audio.too_big"
    assert outcome(data, max_s=50) == "ok"


def test_memory_follows_the_seconds_not_the_bytes(encode):
    data = encode("flac", np.zeros((48_000 * 120, 1), np.float32), 48_000)
    samples_mib = 120 * 16_000 * 4 / MIB
    assert peak_growth_mib(lambda: outcome(data, max_s=120)) < 3 * samples_mib + 16


def test_a_hundred_bombs_leave_nothing_behind(encode):
    bomb = encode("flac", np.zeros((48_000 * 60, 1), np.float32), 48_000)
    warm_mib = peak_growth_mib(lambda: [outcome(bomb, max_s=2) for _ in range(3)])
    assert peak_growth_mib(lambda: [outcome(bomb, max_s=2) for _ in range(100)]) < warm_mib + 8
