"""Parts of long files as they are listed: the right samples, and no more of a file than is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from sonant.audio import decode
from sonant.audio.wav import encode_wav
from sonant.measure.infer import Item
from sonant.measure.transcribe import sound


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, np.ndarray]:
    """Half a minute, in which each sample is another one."""
    path = tmp_path_factory.mktemp("long") / "ramp.wav"
    wav_N = np.linspace(-1, 1, 30 * 16_000, dtype=np.float32)
    path.write_bytes(encode_wav(wav_N, 16_000))
    return str(path), decode.decode_path(str(path), rate_hz=16_000, max_s=60)


@pytest.mark.parametrize(
    ("start_s", "duration_s"), [(0.0, None), (0.0, 0.5), (3.0, 2.0), (4.096, 4.096), (7.5, 20.0), (29.0, None)]
)
def test_a_part_is_the_part(file: tuple[str, np.ndarray], start_s: float, duration_s: float | None) -> None:
    path, wav_N = file
    got_N = np.concatenate(list(sound(Item(path, path, start_s=start_s, duration_s=duration_s))))
    first = round(start_s * 16_000)
    np.testing.assert_array_equal(
        got_N, wav_N[first : None if duration_s is None else first + round(duration_s * 16_000)]
    )


def test_beyond_the_end_there_is_nothing(file: tuple[str, np.ndarray]) -> None:
    assert list(sound(Item(file[0], file[0], start_s=31.0))) == []


def test_what_is_not_asked_for_is_not_decoded(file: tuple[str, np.ndarray], monkeypatch: pytest.MonkeyPatch) -> None:
    seen = 0
    push = decode.Converter.push

    def counted(converter: decode.Converter, rate_hz: int, block_NC: np.ndarray) -> np.ndarray:
        nonlocal seen
        seen += len(block_NC)
        return push(converter, rate_hz, block_NC)

    monkeypatch.setattr(decode.Converter, "push", counted)
    list(sound(Item(file[0], file[0], duration_s=1.0)))
    assert 16_000 <= seen < 5 * 16_000
