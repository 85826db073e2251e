"""Coded packets to samples: FFmpeg's decoders without its demuxers, and a closed list of them."""

from __future__ import annotations

from typing import NamedTuple

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.error import FFmpegError, InvalidDataError
from av.stream import Stream
from numpy.typing import NDArray

from sonant.audio.convert import check_shape
from sonant.audio.demux.track import Track, damaged
from sonant.audio.samples import to_unit
from sonant.errors import AudioError

# fmt: off
CODECS = frozenset((
    "opus", "vorbis", "aac", "mp3", "mp3float", "mp2", "mp2float", "flac", "alac", "speex", "gsm", "gsm_ms",
    "adpcm_ms", "adpcm_ima_wav", "pcm_alaw", "pcm_mulaw", "pcm_u8", "pcm_s8", "pcm_s16le", "pcm_s16be", "pcm_s24le",
    "pcm_s24be", "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be", "pcm_f64le", "pcm_f64be",
))
# fmt: on
# Packets without sound, after which a stream is given up: a forged index can list millions of them for free.
MAX_SILENT_PACKETS = 1000
# One coded frame never holds more: FLAC's largest is 65535 x 8. Raw PCM in a container could claim a whole file.
_MAX_FRAME_SAMPLES = 1 << 20
# What is decoded only to be dropped costs work that no other limit sees.
_MAX_SKIP_S = 60.0
# (zero, full scale) of the sample types that the decoders give, packed or planar.
_SCALES: dict[str, tuple[float, float]] = {
    "u8": (128.0, 128.0),
    "s16": (0.0, 2.0**15),
    "s32": (0.0, 2.0**31),
    "flt": (0.0, 1.0),
    "dbl": (0.0, 1.0),
}


class Block(NamedTuple):
    """Some decoded frames, shape (frames, channels); valid until the next block is read."""

    rate_hz: int
    samples_NC: NDArray[np.float32]


class PacketDecoder:
    """Decodes the packets of one track. A damaged packet becomes silence of its likely length, so time goes on."""

    def __init__(self, track: Track) -> None:
        assert track.codec in CODECS, track.codec
        if track.skip_s > _MAX_SKIP_S:
            raise AudioError("audio.unsupported", f"a recording that starts {track.skip_s:.0f} s into its own media")
        self._skip_s = track.skip_s
        self._silent = 0
        self._last: Block | None = None
        context = av.CodecContext.create(track.codec, "r")
        assert isinstance(context, AudioCodecContext)
        self._context = context
        self._context.thread_count = 1
        if track.extradata:
            self._context.extradata = track.extradata
        else:
            # Nothing but the container tells the shape of raw PCM.
            check_shape(track.rate_hz, track.channels)
            self._context.sample_rate = track.rate_hz
            self._context.layout = f"{track.channels}c"

    def push(self, packet: bytes) -> list[Block]:
        # To FFmpeg, a packet of no bytes would mean the end.
        blocks = self._decode(av.Packet(packet)) if packet else []
        if not blocks:
            self._silent += 1
            if self._silent > MAX_SILENT_PACKETS:
                raise damaged("too many packets without sound")
        return blocks

    def finish(self) -> list[Block]:
        """Frames that the decoder held back, once there are no more packets."""
        return self._decode(None)

    def _decode(self, packet: av.Packet[Stream] | None) -> list[Block]:
        try:
            frames = self._context.decode(packet)
        except InvalidDataError:
            return [] if self._last is None else [Block(self._last.rate_hz, np.zeros_like(self._last.samples_NC))]
        except FFmpegError as error:
            raise damaged(str(error)) from error
        blocks = [self._trim(frame_block(frame)) for frame in frames]
        self._last = blocks[-1] if blocks else self._last
        return blocks

    def _trim(self, block: Block) -> Block:
        """Drop what is left to skip of the priming."""
        count = min(round(self._skip_s * block.rate_hz), len(block.samples_NC))
        self._skip_s -= count / block.rate_hz
        return Block(block.rate_hz, block.samples_NC[count:])


def frame_block(frame: av.AudioFrame) -> Block:
    """A frame of FFmpeg's as floats, whatever its sample type, packed or planar."""
    channels = frame.layout.nb_channels
    check_shape(frame.sample_rate, channels)
    if frame.samples * channels > _MAX_FRAME_SAMPLES:
        raise AudioError("audio.too_big", f"one packet holds {frame.samples} frames")
    zero, scale = _SCALES[frame.format.packed.name]
    raw = frame.to_ndarray()
    raw_NC = raw.T if frame.format.is_planar else raw.reshape(-1, channels)
    return Block(frame.sample_rate, to_unit(raw_NC, zero, scale))
