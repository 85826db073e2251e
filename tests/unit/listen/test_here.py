"""Events of a bundle in this process."""

from pathlib import Path

import numpy as np
import pytest

from sonant.listen.here import listen_here
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine


def test_events_come_while_the_sound_goes_on(tone_bundle: Path, clip) -> None:
    engine = Engine(open_bundle(tone_bundle))
    wav_N = np.concatenate([clip("_silence_"), clip("rise"), clip("_silence_", length_s=2.0), clip("fall")])
    given: list[int] = []

    def chunks():
        for part in np.array_split(wav_N, 100):
            given.append(len(part))
            yield part

    messages = listen_here(engine, chunks(), 16_000)
    first = next(messages)
    assert (first["type"], first["label"]) == ("event", "rise")
    assert sum(given) < 3 * 16_000
    assert [message["label"] for message in messages] == ["fall"]


def test_what_cannot_run_live_says_so(tiny_run: Path, tmp_path: Path) -> None:
    from sonant.errors import ModelError
    from sonant.export.export import export

    engine = Engine(open_bundle(export(str(tiny_run), out=str(tmp_path / "bundle"))))
    with pytest.raises(ModelError, match="no live frames"):
        next(listen_here(engine, [], 8000))
