"""Which format of sound a client gets."""

from __future__ import annotations

import pytest

from serve_apps import sounds
from sonant.errors import RequestError


@pytest.mark.parametrize(
    ("header", "media"),
    [
        ("", "audio/wav"),
        ("*/*", "audio/wav"),
        ("audio/*;q=0.5, application/json", "application/json"),
        ("text/html, audio/ogg;q=0.3, audio/flac;q=0.7", "audio/flac"),
        ("audio/x-wav", "audio/wav"),
        ("AUDIO/FLAC", "audio/flac"),
        ("audio/flac, audio/ogg", "audio/flac"),
        ("audio/wav;q=0, audio/ogg", "audio/ogg"),
    ],
)
def test_the_format_is_the_one_that_is_liked_best(header: str, media: str) -> None:
    assert sounds.accepted(header) == media


@pytest.mark.parametrize("header", ["video/mp4", "audio/wav;q=0", "audio/wav;q=x", ";;;", "audio/mpeg, text/*"])
def test_what_cannot_be_sent(header: str) -> None:
    with pytest.raises(RequestError) as caught:
        sounds.accepted(header)
    assert caught.value.http_status == 406
