"""Live sound between devices of different rates. The library that talks to them needs hardware: here it is played."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sonant.errors import EnvError
from sonant.listen.enhance import Opened, enhance_live
from sonant.listen.output import DeviceOutput
from sonant.listen.source import Microphone
from sonant.runtime.level import level_dbfs

Floats = NDArray[np.float32]


class Refused(Exception):
    pass


class Stream:
    """What a stream of the library does, as far as it is asked."""

    latency = 0.01

    def __init__(self, devices: Devices, *, callback: Any, samplerate: int, device: Any, **settings: Any) -> None:
        self.devices, self.callback = devices, callback
        devices.opened.append((samplerate, device))

    def __enter__(self) -> Stream:
        for block_N in self.devices.heard:
            self.callback(block_N[:, None], len(block_N), None, None)
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(self) -> None:
        self.devices.output = self

    def pull(self, samples: int) -> None:
        out_N1 = np.full((samples, 1), np.nan, np.float32)
        self.callback(out_N1, samples, None, None)
        self.devices.played.append(out_N1[:, 0])

    def stop(self) -> None:
        self.devices.opened.append("stopped")

    def close(self) -> None:
        self.devices.opened.append("closed")


class Devices(types.ModuleType):
    """A microphone at 12 kHz that hears some blocks at once, and headphones at 8 kHz that pull when told to."""

    PortAudioError = Refused

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.heard: list[Floats] = []
        self.played: list[Floats] = []
        self.opened: list[object] = []
        self.output: Stream | None = None

    def query_devices(self, device: Any, kind: str) -> dict[str, float]:
        if device == "broken":
            raise Refused("no such device")
        return {"default_samplerate": {"input": 12_000.0, "output": 8000.0}[kind]}

    def InputStream(self, **settings: Any) -> Stream:
        return Stream(self, **settings)

    OutputStream = InputStream


@pytest.fixture
def devices(monkeypatch: pytest.MonkeyPatch) -> Devices:
    module = Devices()
    monkeypatch.setitem(sys.modules, "sounddevice", module)
    return module


def test_from_a_microphone_to_an_output_each_at_its_own_rate(devices: Devices) -> None:
    tone_N = (0.3 * np.sin(2 * np.pi * 250 * np.arange(4800) / 12_000)).astype(np.float32)
    devices.heard = np.split(tone_N, 8)
    microphone, output = Microphone("2"), DeviceOutput("loop")

    def as_it_is(chunks: Iterable[Floats], rate_hz: int, opened: Opened) -> Iterator[Floats]:
        opened(rate_hz)
        for chunk_N in islice(chunks, 8):
            yield chunk_N
            if len(devices.played) < 4:
                assert devices.output is not None
                devices.output.pull(400)
        assert devices.output is not None
        for _ in range(12):
            devices.output.pull(200)

    readings = list(enhance_live(microphone, as_it_is, output, own_delay_s=0.02))
    played_N = np.concatenate(devices.played)
    begin = int(np.abs(played_N).argmax())
    heard_N = played_N[begin : begin + 2400]
    assert np.isfinite(played_N).all()
    assert np.abs(np.fft.rfft(heard_N)).argmax() * 8000 / len(heard_N) == pytest.approx(250, abs=4)
    assert level_dbfs(heard_N) == pytest.approx(level_dbfs(tone_N), abs=0.5)
    assert devices.opened[:2] == [(8000, "loop"), (12_000, 2)]
    assert {"stopped", "closed"} <= set(devices.opened)
    assert min(reading.delay_ms for reading in readings) >= 30  # the network's own, and the device's
    assert (readings[-1].time_s, readings[-1].lost_s) == (pytest.approx(0.4), 0)


def test_a_reader_that_is_too_slow_loses_the_oldest_and_says_so(devices: Devices) -> None:
    devices.heard = [np.full(6000, number, np.float32) for number in range(1, 5)]
    microphone = Microphone()
    assert [float(chunk_N[0]) for chunk_N in islice(microphone, 2)] == [3, 4]
    assert microphone.lost_s == 1.0


def test_no_output_is_told(devices: Devices) -> None:
    output = DeviceOutput("broken")
    with pytest.raises(EnvError, match="no output device") as caught:
        output.open(4000)
    assert "--output clean.wav" in caught.value.hint
    with output:
        pass
