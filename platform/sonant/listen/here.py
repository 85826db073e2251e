"""Events of live sound by a bundle in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sonant.audio.samples import Wav
from sonant.errors import ModelError
from sonant.runtime.engine import Engine
from sonant.runtime.session import LiveSession, Message
from sonant.runtime.slots import SlotPool


def listen_here(engine: Engine, chunks: Iterable[Wav], rate_hz: int, *, point: str | None = None) -> Iterator[Message]:
    """The messages of a live session, each as soon as it is known; those that still waited, when the sound ends."""
    if engine.info.hop is None:
        raise ModelError("model.no_stream", f"{engine.info.id} has no live frames")
    pool = SlotPool(engine, 1, point)
    slot = pool.admit()
    assert slot is not None, "a new pool has room"
    session = LiveSession(pool, slot, rate_hz)

    def stepped() -> Iterator[Message]:
        while (chunk := session.ready()) is not None:
            yield from session.take(pool.step({slot: chunk})[slot])

    for chunk_N in chunks:
        session.push(chunk_N)
        yield from stepped()
    session.flush()
    yield from stepped()
    yield from session.finish()
