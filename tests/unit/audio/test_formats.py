"""The container is what the bytes say."""

from __future__ import annotations

import pytest

from sonant.audio.formats import sniff
from sonant.errors import AudioError

_ID3 = b"ID3\x04\x00\x00\x00\x00\x00\x03abc"


@pytest.mark.parametrize(
    ("head", "container"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", "wav"),
        (b"RIFX\0\0\0\0WAVEfmt ", "wav"),
        (b"RF64\0\0\0\0WAVEds64", "wav"),
        (b"FORM\0\0\0\0AIFFCOMM", "aiff"),
        (b"FORM\0\0\0\0AIFCFVER", "aiff"),
        (b"NIST_1A\n   1024\n", "sphere"),
        (b"fLaC\0\0\0\x22", "flac"),
        (_ID3 + b"fLaC\0\0\0\x22", "flac"),
        (b"OggS\0\2", "ogg"),
        (b"\x1a\x45\xdf\xa3", "webm"),
        (b"\0\0\0\x18ftypisom", "mp4"),
        (b"\0\0\0\x18moov", "mp4"),
        (b"\xff\xfb\x90\x64", "mp3"),  # MPEG 1, layer 3
        (b"\xff\xf3\x40\xc0", "mp3"),  # MPEG 2
        (b"\xff\xe3\x40\xc0", "mp3"),  # MPEG 2.5
        (_ID3 + b"\xff\xfb\x90\x64", "mp3"),
        (b"\xff\xf1\x50\x80", "adts"),
        (b"\xff\xf9\x50\x80", "adts"),
    ],
)
def test_known(head, container):
    assert sniff(head + bytes(20)) == container


@pytest.mark.parametrize(
    "head",
    [
        b"RIFF\0\0\0\0AVI LIST",
        b"FORM\0\0\0\x008SVX",
        b"XXXX\0\0\0\0WAVE",
        b"\xff\xeb\x90\x64",  # the reserved version
        b"\xff\xfb\xf0\x64",  # no such bitrate
        b"\xff\xfb\x9c\x64",  # no such rate
        b"\xff\xf1\x74\x80",  # no such rate
        b"\xff\xff",
        b"ID3",
        _ID3,
    ],
)
def test_unknown(head):
    with pytest.raises(AudioError) as caught:
        sniff(head)
    assert caught.value.code == "audio.unsupported"


def test_nothing():
    with pytest.raises(AudioError) as caught:
        sniff(b"")
    assert caught.value.code == "audio.empty"
