"""The README's tour, command by command, in an empty folder, with each config's smoke set."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMOKE = {"prepare", "train", "tune", "validate"}


def tour() -> list[list[str]]:
    block = re.search(r"<!-- tour.*?-->\n```bash\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    assert block, "README.md has lost its tour"
    return [shlex.split(line, comments=True) for line in block[1].splitlines()]


@pytest.mark.timeout(600)
def test_every_command_of_the_tour_runs(tmp_path: Path) -> None:
    environment = os.environ | {
        "SONANT_CONFIGS": str(ROOT / "configs"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
    }
    run = ""
    for words in tour():
        verb = words[1]
        command = [run if word == "RUN" else word for word in words]
        if verb in SMOKE and words[2] != "check":
            command.append("--smoke")
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
        if verb == "train":
            run = json.loads(done.stdout)["run"]
    assert (tmp_path / run / "report.html").stat().st_size > 1000
    assert (tmp_path / "store").is_dir()
