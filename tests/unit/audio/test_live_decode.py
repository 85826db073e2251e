"""Live streams through processes: the same samples, and an end of that stream alone whatever happens to one."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from sonant.audio import live_decode
from sonant.audio.live_decode import CodedDecoder, LiveDecoder, open_decoder
from sonant.audio.nursery import Nursery
from sonant.audio.sandbox_wire import PART_SAMPLES
from sonant.audio.stream_decode import StreamDecoder
from sonant.errors import AudioError

RATE_HZ = 16_000


async def parts(decoder: LiveDecoder) -> list[np.ndarray]:
    found = []
    while (wav_N := await decoder.part()) is not None:
        found.append(wav_N)
    return found


async def pushed(decoder: LiveDecoder, data: bytes) -> list[np.ndarray]:
    await decoder.push(data)
    return await parts(decoder)


async def play(decoder: LiveDecoder, data: bytes, size: int) -> np.ndarray:
    found = []
    for start in range(0, len(data), size):
        await decoder.push(data[start : start + size])
        found += await parts(decoder)
    await decoder.end()
    return np.concatenate([*found, *await parts(decoder)])


def opener(nursery: Nursery) -> Callable[..., Coroutine[Any, Any, LiveDecoder]]:
    async def opened(format: Any, max_s: float = 60.0, timeout_s: float = 20.0) -> LiveDecoder:
        return await open_decoder(format, RATE_HZ, source_hz=48_000, max_s=max_s, timeout_s=timeout_s, nursery=nursery)

    return opened


def kill(decoder: LiveDecoder, how: signal.Signals) -> None:
    assert isinstance(decoder, CodedDecoder)
    signal.pidfd_send_signal(decoder._child.handle, how)


@pytest.mark.parametrize("format", ["webm", "ogg", "mp4", "pcm_s16le"])
def test_a_stream_is_what_it_is_in_process(nursery: Nursery, format: Any, sound: Any, encode: Any) -> None:
    names = {"webm": "webm-live", "ogg": "ogg-opus", "mp4": "mp4"}
    wav_NC = sound(1.5, 48_000)
    data = encode(names[format], wav_NC, 48_000) if format in names else (20_000 * wav_NC).astype("<i2").tobytes()

    async def run() -> None:
        for size in (977, 1 << 20):
            decoder = await opener(nursery)(format)
            got_N = await play(decoder, data, size)
            want = StreamDecoder(format, RATE_HZ, source_hz=48_000)
            want_N = np.concatenate(
                [*(want.push(data[at : at + size]) for at in range(0, len(data), size)), want.finish()]
            )
            np.testing.assert_array_equal(got_N, want_N)
            decoder.close()
            decoder.close()

    asyncio.run(run())


def test_a_message_that_unfolds_comes_in_parts(nursery: Nursery, encode: Any) -> None:
    """Minutes of silence in one message: no part is longer than some seconds, and nothing waits decoded."""
    data = encode("webm-live", np.zeros((48_000 * 10, 1), np.float32), 48_000)

    async def run() -> None:
        decoder = await opener(nursery)("webm")
        await decoder.push(data)
        found = await parts(decoder)
        assert max(map(len, found)) == PART_SAMPLES
        assert sum(map(len, found)) > 9 * RATE_HZ
        decoder.close()

    asyncio.run(run())


def test_one_that_dies_ends_its_own_stream_alone(nursery: Nursery, sound: Any, encode: Any) -> None:
    data = encode("ogg-opus", sound(1.0, 48_000), 48_000)

    async def run() -> None:
        one, other = await opener(nursery)("ogg"), await opener(nursery)("ogg")
        for decoder in (one, other):
            await decoder.push(data[:2000])
            await parts(decoder)
        kill(one, signal.SIGKILL)
        with pytest.raises(AudioError, match="crashed") as caught:
            await pushed(one, data[2000:])
        assert caught.value.code == "audio.undecodable"
        await other.push(data[2000:])
        assert await parts(other)
        one.close()
        other.close()
        assert len(await play(await opener(nursery)("ogg"), data, 700)) > 15_000

    asyncio.run(run())


def test_one_that_hangs_is_given_up(nursery: Nursery, sound: Any, encode: Any) -> None:
    data = encode("webm-live", sound(0.5, 48_000), 48_000)

    async def run() -> None:
        decoder = await opener(nursery)("webm", timeout_s=0.2)
        kill(decoder, signal.SIGSTOP)
        with pytest.raises(AudioError, match=r"longer than 0\.2 s") as caught:
            await pushed(decoder, data)
        assert caught.value.code == "audio.undecodable"
        decoder.close()

    asyncio.run(run())


def test_refusals_come_back_as_they_are(nursery: Nursery, sound: Any, encode: Any) -> None:
    data = encode("webm-live", sound(1.5, 48_000), 48_000)

    async def told(data: bytes, **options: float) -> str:
        decoder = await opener(nursery)("webm", **options)
        try:
            with pytest.raises(AudioError) as caught:
                await play(decoder, data, 500)
        finally:
            decoder.close()
        return caught.value.code

    assert asyncio.run(told(data, max_s=1.0)) == "audio.too_long"
    assert asyncio.run(told(b"no webm at all")) == "audio.undecodable"
    assert asyncio.run(told(data[:30])) == "audio.undecodable"


def test_a_session_that_is_cancelled_while_it_begins_leaves_no_process(
    nursery: Nursery, ended: Callable[[int], bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[int] = []
    drop = live_decode._drop

    def watch(forking: Any) -> None:
        dropped.append(os.dup(forking.result().handle))
        drop(forking)

    monkeypatch.setattr(live_decode, "_drop", watch)

    async def run() -> None:
        opening = asyncio.create_task(opener(nursery)("webm"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        opening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await opening
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*rest)

    asyncio.run(run())
    [handle] = dropped
    assert ended(handle)
    os.close(handle)
