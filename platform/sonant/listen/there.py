"""Events of live sound by a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sonant.audio.samples import Wav, to_int16
from sonant.client.live import Answer, LiveClient
from sonant.client.talk import Talk


def listen_there(
    url: str, chunks: Iterable[Wav], rate_hz: int, *, token: str | None = None
) -> Iterator[dict[str, Any]]:
    """The events that a server tells of the sound; `url` is the application's (http://host:8000/v1/audio/detections)."""
    pcm = (to_int16(chunk_N).astype("<i2").tobytes() for chunk_N in chunks)
    for answer in talk(url, {"format": "pcm_s16le", "sample_rate_hz": rate_hz}, pcm, token=token):
        if isinstance(answer, dict) and answer["type"] == "event":
            yield answer


def talk(
    url: str,
    start: Mapping[str, Any],
    chunks: Iterable[bytes],
    *,
    token: str | None = None,
    reference: bytes | None = None,
) -> Iterator[Answer]:
    """All answers of one session."""
    yield from Talk(LiveClient(url, start, token=token, reference=reference), chunks)
