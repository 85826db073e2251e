"""Whole recordings to samples, bounded while decoding: the only door for encoded audio, uploads and corpora alike.

Bytes are hostile until shown otherwise: the container is told by magic bytes, blocks are decoded one by one, and what
counts against the limits is what came out, whatever the header said. libsndfile reads the formats it knows (it is
faster); FFmpeg, through PyAV and with a closed list of codecs, reads the others and has a second try at what
libsndfile could not open. A truncated or damaged file gives the samples before the damage.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

import av
import fsspec
import numpy as np
import soundfile as sf
from av.error import FFmpegError, InvalidDataError
from fsspec.utils import get_protocol

from sonant.audio import plain_wav
from sonant.audio.codec import CODECS, MAX_SILENT_PACKETS, Block, PacketDecoder, frame_block
from sonant.audio.convert import Converter, check_shape
from sonant.audio.demux import mp4
from sonant.audio.demux.track import DamagedError, damaged
from sonant.audio.formats import Container, sniff
from sonant.audio.samples import Wav
from sonant.errors import AudioError, DataError

MAX_BYTES = 64 << 20
_BLOCK_FRAMES = 1 << 14
# FFmpeg's names.
_DEMUXERS: dict[Container, str] = {
    "wav": "wav",
    "aiff": "aiff",
    "sphere": "nistsphere",
    "flac": "flac",
    "ogg": "ogg",
    "mp3": "mp3",
    "adts": "aac",
    "webm": "matroska",
}
# Where corpora may live: a manifest is data, and must not make us fetch from anywhere else.
_PROTOCOLS = frozenset({"file", "local", "s3", "s3a", "gs", "gcs", "memory"})


def decode(data: bytes | BinaryIO, *, rate_hz: int, max_s: float, max_bytes: int = MAX_BYTES) -> Wav:
    """Decode a whole recording to mono float32 samples (N,) in [-1, 1] at `rate_hz`.

    Reads at most `max_bytes` and decodes at most `max_s` seconds: what is larger or longer is refused as soon as that
    shows. Channels are averaged. Whatever the bytes are, this returns samples (at least one) or raises AudioError.
    """
    parts = decode_parts(data, rate_hz=rate_hz, max_s=max_s, max_bytes=max_bytes)
    return np.concatenate(list(parts))


def decode_parts(data: bytes | BinaryIO, *, rate_hz: int, max_s: float, max_bytes: int = MAX_BYTES) -> Iterator[Wav]:
    """`decode`, part by part as they are asked for: of a long recording no more than a part is ever there decoded.

    Joined, the parts (none is empty) equal `decode`; errors come when the damage or the limit is reached.
    """
    raw = _take(data, max_bytes)
    container = sniff(raw)
    broken = False
    for read in (_read_plain,) if plain_wav.read(raw) else _READERS[container]:
        found, whole = False, True
        try:
            for wav_N in _converted(read(raw, container), Converter(rate_hz, max_s)):
                found = True
                yield wav_N
        except DamagedError:
            whole = False
        if found:
            return
        broken = broken or not whole
    if broken:
        raise AudioError("audio.undecodable", f"the {container} data is damaged, or no {container} data at all")
    raise AudioError("audio.empty", f"the {container} data holds no samples")


def decode_path(url: str, *, rate_hz: int, max_s: float, max_bytes: int = MAX_BYTES) -> Wav:
    """`decode` of a file of a corpus: a local path or an s3, gs or memory URL. Errors name the file."""
    return np.concatenate(list(decode_path_parts(url, rate_hz=rate_hz, max_s=max_s, max_bytes=max_bytes)))


def decode_path_parts(url: str, *, rate_hz: int, max_s: float, max_bytes: int = MAX_BYTES) -> Iterator[Wav]:
    """`decode_path`, part by part as they are asked for; the file's own bytes are there as a whole."""
    protocol = get_protocol(url)
    if protocol not in _PROTOCOLS:
        raise DataError("data.invalid", f"{url}: audio is not read from {protocol}: URLs")
    try:
        # The file system itself is asked, not fsspec.open: that one would follow chains such as file::http://.
        with fsspec.filesystem(protocol).open(url, "rb") as file:
            data = _take(file, max_bytes)
        yield from decode_parts(data, rate_hz=rate_hz, max_s=max_s, max_bytes=max_bytes)
    except AudioError as error:
        raise AudioError(error.code, f"{url}: {error.message}", hint=error.hint) from error
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise DataError("data.not_found", f"{url}: {error.strerror or 'cannot be read'}") from error


def _take(data: bytes | BinaryIO, max_bytes: int) -> bytes:
    """All bytes of a file, or an error as soon as there are more than `max_bytes`."""
    if not isinstance(data, bytes):
        taken = bytearray()
        while len(taken) <= max_bytes and (piece := data.read(max_bytes + 1 - len(taken))):
            taken += piece
        data = bytes(taken)
    if len(data) > max_bytes:
        raise AudioError("audio.too_big", f"more than {max_bytes} bytes")
    return data


def _converted(blocks: Iterator[Block], converter: Converter) -> Iterator[Wav]:
    """The samples of a reader's blocks; those before damage come before its error."""
    damage: DamagedError | None = None
    try:
        for block in blocks:
            if (wav_N := converter.push(block.rate_hz, block.samples_NC)).size:
                yield wav_N
    except DamagedError as error:
        damage = error
    if (wav_N := converter.flush()).size:
        yield wav_N
    if damage is not None:
        raise damage


class _Bytes(io.BytesIO):
    """A file in memory that can be asked for any position: forged offsets are clamped, not raised on.

    Exceptions must not arise here: the callers are C callbacks, which can only print them.
    """

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        size = self.getbuffer().nbytes
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: size}[whence]
        return super().seek(min(max(base + offset, 0), size))


class _Forward(sf.SoundFile):
    """Reads straight ahead: soundfile would seek after each block, which is inexact in mp3 and slow in ogg."""

    def seekable(self) -> bool:
        return False


def _read_libsndfile(raw: bytes, container: Container) -> Iterator[Block]:
    try:
        file = _Forward(_Bytes(raw))
    except sf.SoundFileError as error:
        raise damaged(str(error)) from error
    with file:
        check_shape(file.samplerate, file.channels)
        buffer_NC = np.empty((_BLOCK_FRAMES, file.channels), np.float32)
        frames = _BLOCK_FRAMES
        while frames:
            buffer_NC.fill(np.nan)
            try:
                frames = file.buffer_read_into(buffer_NC, "float32")
            except sf.SoundFileError as error:
                # The count is lost with the error: what is still NaN was not reached.
                yield Block(file.samplerate, buffer_NC[: np.isnan(np.append(buffer_NC[:, 0], np.nan)).argmax()])
                raise damaged(str(error)) from error
            yield Block(file.samplerate, buffer_NC[:frames])


def _read_ffmpeg(raw: bytes, container: Container) -> Iterator[Block]:
    options = {"codec_whitelist": ",".join(sorted(CODECS))}
    try:
        with av.open(_Bytes(raw), "r", format=_DEMUXERS[container], options=options, metadata_errors="ignore") as file:
            tracks = file.streams.audio
            if not tracks:
                raise AudioError("audio.unsupported", f"the {container} file has no audio track")
            # The option above binds FFmpeg's own probing, this test the decoder that PyAV opens (None: has no decoder).
            if getattr(tracks[0].codec_context, "name", None) not in CODECS:
                raise AudioError("audio.unsupported", f"the audio codec in the {container} file is not read")
            tracks[0].codec_context.thread_count = 1
            silent = 0
            for packet in file.demux(tracks[0]):
                frames = _decode_packet(packet)
                silent += not frames
                if silent > MAX_SILENT_PACKETS:
                    raise damaged("too many packets without sound")
                yield from map(frame_block, frames)
    except FFmpegError as error:
        raise damaged(str(error)) from error


def _decode_packet(packet: av.Packet[av.AudioStream]) -> list[av.AudioFrame]:
    try:
        return packet.decode()
    except InvalidDataError:
        # Decoders recover at the next good packet.
        return []


def _read_plain(raw: bytes, container: Container) -> Iterator[Block]:
    plain = plain_wav.read(raw)
    assert plain is not None
    yield from plain.blocks()


def _read_mp4(raw: bytes, container: Container) -> Iterator[Block]:
    track, packets = mp4.read_file(raw)
    decoder = PacketDecoder(track)
    for packet in packets:
        yield from decoder.push(packet)
    yield from decoder.finish()


_Reader = Callable[[bytes, Container], Iterator[Block]]
_READERS: dict[Container, tuple[_Reader, ...]] = {
    "wav": (_read_libsndfile, _read_ffmpeg),
    "aiff": (_read_libsndfile, _read_ffmpeg),
    "sphere": (_read_libsndfile, _read_ffmpeg),
    "flac": (_read_libsndfile, _read_ffmpeg),
    "ogg": (_read_libsndfile, _read_ffmpeg),
    "mp3": (_read_libsndfile, _read_ffmpeg),
    "adts": (_read_ffmpeg,),
    "webm": (_read_ffmpeg,),
    "mp4": (_read_mp4,),
}
