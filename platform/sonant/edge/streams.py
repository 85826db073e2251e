"""What live sessions are about. `edge.live` drives sockets, slots and steps; one of these says what goes in and out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sonant.audio.samples import Wav
from sonant.edge.protocol import Output, Set, Start
from sonant.errors import RequestError
from sonant.runtime.info import BundleInfo
from sonant.runtime.slots import Pool, Slot

Answer = TypeVar("Answer")
Heard_contra = TypeVar("Heard_contra", contravariant=True)
Said = Mapping[str, Any] | bytes
"""What is sent to a client: a JSON message, or binary sound."""

_COMMON = frozenset({"type", "format", "sample_rate_hz", "resume"})


class Sitting(Protocol[Heard_contra]):
    """One client's stream: sound at the model's rate goes in, what is sent to the client comes out."""

    @property
    def audio_s(self) -> float:
        """Seconds of sound that came in."""
        ...

    def push(self, pcm_N: Wav, /) -> None:
        """Takes any number of samples."""
        ...

    def ready(self) -> Wav | None:
        """The next whole hops to step; None when less than one waits."""
        ...

    def take(self, answer: Heard_contra, /) -> Iterable[Said]:
        """What a step of this stream's slot is to be told as."""
        ...

    def flush(self) -> None:
        """The client has ended: fills the last hop. What is `ready` is still stepped, and then comes `finish`."""
        ...

    def finish(self) -> Iterable[Said]:
        """What was still held back. May run the graph: not in event loops."""
        ...

    def save(self) -> dict[str, Any]:
        """All that it takes to go on elsewhere, before `flush` and besides what the pool saves."""
        ...

    def load(self, saved: dict[str, Any], /) -> None:
        """A stream that has heard nothing goes on as the one that was saved."""
        ...


class Streams(ABC, Generic[Answer]):
    """The sessions of one pool."""

    options: ClassVar[frozenset[str]] = frozenset()
    """Fields of a start message that mean something here, besides those that say what the sound is."""

    def __init__(self, pool: Pool[Answer], info: BundleInfo) -> None:
        self.pool = pool
        self.info = info

    def check(self, start: Start) -> None:
        """Raises RequestError for a start message that asks for something else than these sessions do."""
        changed = {name for name, field in Start.model_fields.items() if getattr(start, name) != field.default}
        odd = sorted(changed - _COMMON - self.options)
        if odd:
            raise RequestError("request.invalid", f"sessions of {self.info.id} take no {odd[0]!r}")

    async def prepare(self, slot: Slot, start: Start, reference: bytes | None) -> None:
        """Readies a slot that has heard nothing; `reference` is the recording of a client that said `enroll`."""

    @abstractmethod
    def sitting(self, slot: Slot, start: Start) -> Sitting[Answer]:
        """The stream of a client on a slot that is prepared."""

    def change(self, sitting: Sitting[Answer], message: Set) -> None:
        """The client wants it another way from here on."""
        raise RequestError("request.invalid", f"sessions of {self.info.id} have nothing to set")

    def output(self, start: Start) -> Output | None:
        """What binary messages to the client hold; None: there are none."""
        return None
