"""Sound as lossy codecs leave it, in step with what went in: for noisy speech that has been through a line."""

from __future__ import annotations

from typing import NamedTuple

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext

from sonant.audio.codec import frame_block
from sonant.audio.samples import Wav

_RATE_HZ = 16_000


class _Codec(NamedTuple):
    encoder: str
    decoder: str
    format: str
    bit_rate: int
    lag: int
    """Samples by which what comes out is late; a test holds it to that."""


_CODECS = {
    # ITU-T G.722, 64 kbit/s: the wideband of telephones. The lag is that of its two filters.
    "g722": _Codec("g722", "g722", "s16", 64_000, 22),
    # LAME's delay and the decoder's.
    "mp3": _Codec("libmp3lame", "mp3float", "fltp", 24_000, 1105),
}
LOSSY = tuple(_CODECS)


def through(wav_N: Wav, name: str) -> Wav:
    """A wave (N,) of [-1, 1] after one of LOSSY and back, equally long. The codec takes it to have 16 kHz."""
    codec = _CODECS[name]
    # What is late at the end is pushed out by silence.
    packets = _encode(codec, np.pad(wav_N, (0, codec.lag)))
    context = _context(codec.decoder, "r")
    context.sample_rate, context.layout = _RATE_HZ, "mono"
    frames = [frame for packet in packets for frame in context.decode(av.Packet(packet))]
    blocks = [frame_block(frame).samples_NC[:, 0] for frame in (*frames, *context.decode(None))]
    return np.clip(np.concatenate(blocks)[codec.lag : codec.lag + wav_N.size], -1.0, 1.0)


def _encode(codec: _Codec, wav_N: Wav) -> list[bytes]:
    context = _context(codec.encoder, "w")
    context.sample_rate, context.layout, context.format = _RATE_HZ, "mono", codec.format
    context.bit_rate = codec.bit_rate
    context.open()
    # An even number: G.722 codes samples in pairs.
    size = context.frame_size or wav_N.size + wav_N.size % 2
    wav_FN = np.pad(wav_N, (0, -wav_N.size % size)).reshape(-1, size)
    if codec.format == "s16":
        wav_FN = np.rint(np.clip(wav_FN, -1.0, 1.0) * 32767).astype(np.int16)
    packets: list[bytes] = []
    for number, part_N in enumerate(wav_FN):
        frame = av.AudioFrame.from_ndarray(part_N[None], format=codec.format, layout="mono")
        frame.sample_rate, frame.pts = _RATE_HZ, number * size
        packets += [bytes(packet) for packet in context.encode(frame)]
    return packets + [bytes(packet) for packet in context.encode(None)]


def _context(name: str, mode: str) -> AudioCodecContext:
    context = av.CodecContext.create(name, mode)  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert isinstance(context, AudioCodecContext)
    context.thread_count = 1
    return context
