"""What one request or live session may ask of a server, and where sessions are kept."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.base import Section


class Limits(Section):
    """Bounds on what one request or session may ask for."""

    max_body_mib: Annotated[float, Field(gt=0)] = 25.0
    """Largest upload; more is refused while it is read."""
    max_uploads_mib: Annotated[float, Field(gt=0)] = 256.0
    """Bytes of uploads that one replica holds at once; more are refused until there is room."""
    max_audio_s: Annotated[float, Field(gt=0)] = 600.0
    """Longest decoded recording; more is refused while it is decoded."""
    decode_s: Annotated[float, Field(gt=0)] = 10.0
    """Time for decoding one recording, or one message of a live session; what takes longer is refused, and its decoder
    killed."""
    decoders: Annotated[int, Field(ge=1)] = 2
    """Decoder processes of one replica for recordings that are answered at once, each started when it is needed; plain
    WAV files need none, long recordings and live containers have one of their own."""
    max_requests: Annotated[int, Field(ge=1)] = 128
    """Requests about recordings that one replica takes at once; more are refused at once."""
    max_sessions: Annotated[int, Field(ge=1)] = 256
    """Live sessions on one replica; more are refused at once."""
    max_frame_kib: Annotated[int, Field(ge=1)] = 1024
    """Largest message of a live session."""
    idle_s: Annotated[float, Field(gt=0)] = 20.0
    """A live session without a message, or an upload without a byte, for this long is ended."""
    first_s: Annotated[float, Field(gt=0)] = 10.0
    """A live session has to say what it wants within this time."""
    pause_s: Annotated[float, Field(gt=0)] = 300.0
    """Longest silence of a live session that has said `pause`, in place of `idle_s`."""
    max_session_s: Annotated[float, Field(gt=0)] = 3600.0
    """Longest live session."""


class Sessions(Section):
    """Where live sessions are kept, so that they go on when their replica is lost or replaced."""

    url: str
    """Folder or URL (file, s3, gs, memory), the same for all replicas. What is in it ends by itself."""
    snapshot_s: Annotated[float, Field(gt=0)] = 1.0
    """Sound of a session between two records of it: what a client sends again, at most."""
    keep_s: Annotated[float, Field(ge=30)] = 60.0
    """Time after its last record in which a session can go on."""
    drain_s: Annotated[float, Field(gt=0)] = 10.0
    """Time that sessions which cannot go on elsewhere have to end, when a replica is about to leave."""
