"""Sound that is written as it is made, and sent once it is whole.

While it is made it is held in memory only as long as it is small, then in a file without a name, which is gone with
the process. So a long answer takes no memory, what goes wrong half-way is still told with a status of its own, and the
headers know the length and the levels.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from sonant.audio.encode import FileFormat, encoder
from sonant.runtime.level import Gauge
from sonant.runtime.scores import Floats

IN_MEMORY = 1 << 18
"""Bytes of a file that are held in memory: eight seconds of WAV at 16 kHz."""
_PIECE = 3 << 16  # a multiple of 3: base64 of the pieces is that of the whole


class Spool:
    """One encoded file. Calls write to disk: not in event loops."""

    def __init__(self, rate_hz: int, form: FileFormat) -> None:
        self._file = SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - whoever sends it closes it
        self._encoder = encoder(cast(BinaryIO, self._file), rate_hz, form)
        self.gauge = Gauge()
        self.size = 0
        """Bytes, once it is finished."""

    def write(self, wav_N: Floats) -> None:
        """The next samples."""
        self._encoder.write(wav_N)
        self.gauge.add(wav_N)

    def finish(self) -> None:
        """There are no more samples."""
        self._encoder.close()
        self.size = self._file.seek(0, 2)

    def pieces(self) -> Iterator[bytes]:
        """The finished file from the beginning on, in pieces of bounded size."""
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece

    def base64(self) -> Iterator[bytes]:
        """The same as base64."""
        return map(base64.b64encode, self.pieces())

    def close(self) -> None:
        """Forgets it, finished or not."""
        self._encoder.close()
        self._file.close()
