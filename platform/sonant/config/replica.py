"""What one replica of an application may take, how it works, and where it runs."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from models.base import Section
from sonant.config.scaling import Scaling


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


class Batching(Section):
    """How requests share calls of the graph."""

    max_batch: Annotated[int, Field(ge=1)] = 16
    """Clips in one call."""
    wait_ms: Annotated[float, Field(ge=0)] = 0.0
    """Time to wait for more; 0 batches what is queued already (best on CPU)."""


class StageOptions(Section):
    """Ray Serve options of one deployment; a stage has its own when the placement is split."""

    num_replicas: Annotated[int, Field(ge=1)] | Literal["auto"] | None = None
    """Fixed number, or auto for Ray's autoscaling defaults; null for one, or when it is scaled in another way."""
    autoscaling: Scaling | None = None
    """By what the number of replicas goes up and down: `kind: live` where requests come in, `kind: requests`
    anywhere; null: it does not."""
    autoscaling_config: dict[str, float | int | str] | None = None
    """The same in Ray Serve's own keys: min_replicas, max_replicas, target_ongoing_requests, ..."""
    num_cpus: Annotated[float, Field(ge=0)] = 1.0
    """CPUs that Ray sets aside for a replica."""
    num_gpus: Annotated[float, Field(ge=0)] = 0.0
    """GPUs, or a share of one, that Ray sets aside for a replica."""
    max_ongoing_requests: Annotated[int, Field(ge=1)] = 512
    """Requests and sessions on a replica at once; kept above our own limits, because Serve lets callers hang."""
    graceful_shutdown_timeout_s: Annotated[float, Field(ge=0)] = 20.0
    """Time that a leaving replica gives to its requests and sessions."""

    @model_validator(mode="after")
    def _one_way_to_scale(self) -> Self:
        given = [
            name for name in ("num_replicas", "autoscaling", "autoscaling_config") if getattr(self, name) is not None
        ]
        if len(given) > 1:
            raise ValueError(f"set {given[0]} or {given[1]}, not both")
        return self

    @property
    def least_replicas(self) -> float:
        """Replicas that there are when nobody asks."""
        if self.autoscaling is not None:
            return float(self.autoscaling.min_replicas)
        if isinstance(self.num_replicas, int):
            return float(self.num_replicas)
        return float((self.autoscaling_config or {}).get("min_replicas", 1))


class Tracing(Section):
    """Where traces of requests go: a collector that takes OTLP over HTTP. Needs `pip install 'sonant[tracing]'`."""

    endpoint: Annotated[str, Field(pattern=r"^https?://[^/\s]+(/\S*)?$")]
    """Its address, such as http://127.0.0.1:4318/v1/traces."""
    share: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of requests that are traced, where the caller's `traceparent` does not say whether to."""
