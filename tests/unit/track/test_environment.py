import json
import subprocess
from pathlib import Path

import torch

from sonant.track.environment import collect


def test_it_says_what_the_numbers_were_made_with() -> None:
    seen = json.loads(json.dumps(collect(seed=7)))
    assert seen["seed"] == 7
    assert seen["packages"]["torch"] == torch.__version__
    assert seen["machine"]["cores"] >= 1
    assert seen["machine"]["memory_gib"] > 0
    here = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    assert (seen["git"] or {}).get("commit") == (here.stdout.strip() or None)
