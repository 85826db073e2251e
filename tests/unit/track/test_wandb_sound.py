"""The review of an extraction network in W&B, offline."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sonant.audio.wav import encode_wav
from sonant.config.experiment import Experiment
from sonant.config.load import check, dump

WAVES = ("mixture", "reference", "target", "output")


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    """What a run of extraction leaves: two mixtures to listen to."""
    run = tmp_path / "finished"
    (run / "review" / "worst").mkdir(parents=True)
    model = {"kind": "causal_extractor"}
    given = {"name": "x", "task": {"kind": "extract"}, "model": model, "data": {"corpus": "c", "mixtures": {}}}
    config: Experiment = check(Experiment, given)
    (run / "config.yaml").write_text(dump(config))
    (run / "environment.json").write_text("{}")
    end = {"kind": "end", "status": "done", "step": 7, "best": {"si_sdri": 1.5}, "test": {}, "seconds": 1.0}
    (run / "events.jsonl").write_text(json.dumps({"time": 1.0, **end}) + "\n")
    listed = []
    for number in range(2):
        names = {what: f"worst/{number:02d}-{what}.wav" for what in WAVES}
        for seed, name in enumerate(names.values()):
            wav_N = np.random.default_rng([number, seed]).uniform(-0.5, 0.5, 4000).astype(np.float32)
            (run / "review" / name).write_bytes(encode_wav(wav_N, 8000))
        told = {"id": f"m{number}", "speaker": f"s{number}", "si_sdri": -1.0 + number}
        listed.append({**told, "sample_rate_hz": 8000, "files": names})
    (run / "review" / "worst_mixtures.json").write_text(json.dumps(listed))
    return run


def test_mixtures_are_mirrored_to_hear_and_see(finished: Path, mirrored: Callable[[Path], Path]) -> None:
    media = mirrored(finished)
    (table,) = media.glob("table/worst_*.table.json")
    told = json.loads(table.read_text())
    assert told["columns"][:3] == ["id", "speaker", "si_sdri"]
    assert told["columns"][3:] == [name for what in WAVES for name in (what, f"{what} spectrogram")]
    assert [row[:3] for row in told["data"]] == [["m0", "s0", -1.0], ["m1", "s1", 0.0]]
    for what in WAVES:
        assert len(list(media.glob(f"audio/worst/{what}/*.wav"))) == 2
        assert len(list(media.glob(f"images/worst/{what}/*.png"))) == 2
