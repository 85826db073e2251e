"""Change the sample rate: soxr at high quality, of whole signals or chunk by chunk, with the same values either way."""

from __future__ import annotations

import numpy as np
import soxr

from sonant.audio.samples import Wav

_QUALITY = "HQ"


def resample(wav_N: Wav, from_hz: int, to_hz: int) -> Wav:
    """A whole mono signal at another rate: N samples become round(N * to_hz / from_hz)."""
    if from_hz == to_hz:
        return wav_N
    return soxr.resample(wav_N, from_hz, to_hz, quality=_QUALITY)


class StreamResampler:
    """Resamples a mono stream chunk by chunk; the parts joined equal `resample` of the whole.

    Output trails input by the length of the filter: some 12 ms at 48 -> 16 kHz. Equal rates pass through untouched.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        equal = from_hz == to_hz
        self._stream = None if equal else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality=_QUALITY)

    def push(self, wav_N: Wav) -> Wav:
        """Take any number of samples, give those that are ready."""
        return wav_N if self._stream is None else self._stream.resample_chunk(wav_N)

    def flush(self) -> Wav:
        """The rest, once the input has ended; nothing may be pushed after it."""
        nothing = np.zeros(0, np.float32)
        return nothing if self._stream is None else self._stream.resample_chunk(nothing, last=True)
