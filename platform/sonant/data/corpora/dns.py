"""The DNS challenge (Reddy et al. 2020, arXiv:2005.13981): folders of clean speech, noise and impulse responses."""

from __future__ import annotations

import re

from sonant.config.prepare import PrepareDns
from sonant.data.corpora.files import find, job
from sonant.data.source import Clip, Source

_READER = re.compile(r"reader_(\d+)")
# Some noises say of what kind they are: door_Freesound_validated_247564_0.wav.
_KIND = re.compile(r"(?P<kind>[A-Za-z_]+?)_Freesound")


def plan(config: PrepareDns) -> Source:
    root = f"{config.root.rstrip('/')}/{config.part}"
    clips: list[Clip] = []
    for path in find(root):
        name = path.rpartition("/")[2]
        reader, kind = _READER.search(name), _KIND.match(name)
        clips.append(
            Clip(
                id=path.rpartition(".")[0],
                path=f"{config.part}/{path}",
                job=job(config, root, path),
                label=kind["kind"] if kind and config.part == "noise" else "",
                speaker=reader[1] if reader and config.part == "clean" else "",
            )
        )
    return Source("dns", "speaker", clips)
