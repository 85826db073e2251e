"""Server-sent events of a transcript on its way: the messages of OpenAI's streaming transcription."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sonant.errors import SonantError
from sonant.runtime.transcribe.formats import dumps, usage
from sonant.runtime.transcribe.heard import Transcript, Utterance, joined

DONE = "data: [DONE]\n\n"
"""Ends a stream."""


def sse(value: dict[str, Any]) -> str:
    """One event (WHATWG HTML, 9.2)."""
    return f"data: {dumps(value)}\n\n"


def delta(utterances: Sequence[Utterance], *, first: bool) -> str:
    """What was said in the next piece; the deltas joined are the text."""
    return sse({"type": "transcript.text.delta", "delta": ("" if first else " ") + joined(utterances)})


def done(transcript: Transcript) -> str:
    """The whole text."""
    told = {"type": "transcript.text.done", "text": transcript.text, "usage": usage(transcript.duration_s)}
    return sse(told) + DONE


def failed(error: SonantError, request_id: str) -> str:
    """An error after the stream has begun: clients of OpenAI's raise it."""
    return sse(error.body(request_id)) + DONE
