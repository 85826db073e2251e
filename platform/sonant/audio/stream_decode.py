"""Live audio to samples, as it arrives: MediaRecorder's chunks, cut anywhere, or raw PCM.

Everything that a chunk completes comes out at once. There is no thread and no pipe: the demuxers are plain Python and
keep what is incomplete, so a stream can be dropped at any moment, and a bad header shows with its first bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, Protocol, Self, get_args

import numpy as np

from sonant.audio.codec import Block, PacketDecoder
from sonant.audio.convert import Converter, check_shape
from sonant.audio.demux.mp4 import Mp4Demuxer
from sonant.audio.demux.ogg import OggDemuxer
from sonant.audio.demux.track import Demuxer, Track, damaged
from sonant.audio.demux.webm import WebmDemuxer
from sonant.audio.resample import LiveResampler
from sonant.audio.samples import INT16_SCALE, Wav, to_unit
from sonant.errors import AudioError

StreamFormat = Literal["pcm_s16le", "pcm_f32le", "webm", "ogg", "mp4"]

_DEMUXERS: dict[str, Callable[[], Demuxer]] = {"webm": WebmDemuxer, "ogg": OggDemuxer, "mp4": Mp4Demuxer}
# (sample type, full scale)
_PCM: dict[str, tuple[str, float]] = {"pcm_s16le": ("<i2", INT16_SCALE), "pcm_f32le": ("<f4", 1.0)}


class StreamDecoder:
    """Decodes one live stream to mono float32 in [-1, 1] at `rate_hz`; at most `max_s` seconds of it.

    `source_hz` and `channels` describe raw PCM; the other formats say so themselves. After an AudioError the stream is
    over. Nothing needs to be closed, yet `close` drops the decoder's memory early; it may be called at any time.
    """

    def __init__(
        self,
        format: StreamFormat,
        rate_hz: int,
        *,
        source_hz: int | None = None,
        channels: int = 1,
        max_s: float = 3600.0,
    ) -> None:
        if format not in get_args(StreamFormat):
            raise AudioError("audio.unsupported", f"{format!r} is no format of live audio")
        self._converter = Converter(rate_hz, max_s, LiveResampler) if format in _PCM else Converter(rate_hz, max_s)
        self._source: _Source | None = (
            _Pcm(*_PCM[format], source_hz or rate_hz, channels)
            if format in _PCM
            else _Coded(format, _DEMUXERS[format]())
        )

    def push(self, data: bytes) -> Wav:
        """Take the next bytes, cut anywhere; give the samples (N,) that are ready, often none."""
        return _joined(self.parts(data))

    def parts(self, data: bytes) -> Iterator[Wav]:
        """The same as it is decoded: all of it is to be asked for before more is pushed."""
        assert self._source is not None, "push after close"
        yield from self._converted(self._source.push(data))

    def finish(self) -> Wav:
        """The rest, once the stream has ended; an incomplete last packet is dropped. Closes the decoder."""
        return _joined(self.rest())

    def rest(self) -> Iterator[Wav]:
        """The same as it is decoded."""
        assert self._source is not None, "finish after close"
        yield from self._converted(self._source.finish())
        yield self._converter.flush()
        self.close()

    @property
    def saves(self) -> bool:
        """Whether `save` is for this format: what demuxers and codecs hold cannot be told."""
        return isinstance(self._source, _Pcm)

    def save(self) -> dict[str, Any]:
        """All that it takes to go on from here, with raw PCM."""
        assert isinstance(self._source, _Pcm), "only raw PCM is saved"
        return {"rest": self._source.rest.hex(), "converter": self._converter.save()}

    def load(self, saved: dict[str, Any]) -> None:
        """Goes on from there, with the same format and rates."""
        assert isinstance(self._source, _Pcm), "only raw PCM is saved"
        self._source.rest = bytes.fromhex(saved["rest"])
        self._converter.load(saved["converter"])

    def close(self) -> None:
        self._source = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _converted(self, blocks: Iterable[Block]) -> Iterator[Wav]:
        for block in blocks:
            yield self._converter.push(block.rate_hz, block.samples_NC)


def _joined(parts: Iterable[Wav]) -> Wav:
    return np.concatenate([np.zeros(0, np.float32), *parts])


def is_raw(format: StreamFormat) -> bool:
    """Whether streams of this format are plain samples, which numpy alone reads."""
    return format in _PCM


class _Source(Protocol):
    def push(self, data: bytes) -> Iterable[Block]: ...

    def finish(self) -> Iterable[Block]: ...


class _Pcm:
    """Raw interleaved samples; bytes of an incomplete frame wait for the rest."""

    def __init__(self, dtype: str, scale: float, rate_hz: int, channels: int) -> None:
        check_shape(rate_hz, channels)
        self._dtype = np.dtype(dtype)
        self._scale = scale
        self._rate_hz = rate_hz
        self._channels = channels
        self.rest = b""

    def push(self, data: bytes) -> Iterable[Block]:
        data = self.rest + data
        whole = len(data) - len(data) % (self._dtype.itemsize * self._channels)
        self.rest = data[whole:]
        raw_NC = np.frombuffer(data[:whole], self._dtype).reshape(-1, self._channels)
        yield Block(self._rate_hz, to_unit(raw_NC, 0.0, self._scale))

    def finish(self) -> Iterable[Block]:
        return ()


class _Coded:
    """A container whose packets are decoded as soon as they are complete."""

    def __init__(self, container: str, demuxer: Demuxer) -> None:
        self._container = container
        self._demuxer = demuxer
        self._decoder: PacketDecoder | None = None
        self._any = False

    def push(self, data: bytes) -> Iterable[Block]:
        self._any = self._any or bool(data)
        for item in self._demuxer.push(data):
            if isinstance(item, Track):
                # A recorder that was restarted sends its header again.
                yield from self._drain()
                self._decoder = PacketDecoder(item)
            else:
                assert self._decoder is not None, "a packet before its track"
                yield from self._decoder.push(item)

    def finish(self) -> Iterable[Block]:
        if self._any and self._decoder is None:
            raise damaged(f"the {self._container} stream ended inside its header")
        return self._drain()

    def _drain(self) -> Iterable[Block]:
        return [] if self._decoder is None else self._decoder.finish()
