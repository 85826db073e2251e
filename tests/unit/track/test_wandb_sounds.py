"""Networks whose answer is sound in W&B, offline: examples as training goes on, and the items that gained least."""

import json
from collections.abc import Callable
from pathlib import Path


def test_examples_and_worst_items_are_mirrored(enhance_run: Path, mirrored: Callable[[Path], Path]) -> None:
    media = mirrored(enhance_run)
    tables = sorted(media.glob("table/examples_*.table.json"))
    assert len(tables) == 2, "epochs 1 and 2"
    first = json.loads(tables[0].read_text())
    names = ("noisy", "clean", "output")
    assert first["columns"] == [
        "id",
        "epoch",
        *(f"{n} {form}" for n in names for form in ("audio", "wave", "spectrogram")),
    ]
    assert len(first["data"]) == 2
    (worst,) = media.glob("table/worst_*.table.json")
    assert [column for column in json.loads(worst.read_text())["columns"]][:3] == ["id", "speaker", "si_sdri"]
    for name in names:
        assert len(list(media.glob(f"audio/examples/{name}*.wav"))) == 4
        assert len(list(media.glob(f"audio/worst/{name}*.wav"))) == 1
