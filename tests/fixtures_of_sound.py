"""For every tier: small networks whose answer is sound, and their bundles. A pytest plugin of tests/conftest.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

TINY_EXTRACTORS: dict[str, dict[str, Any]] = {
    "causal": {
        "kind": "causal_extractor",
        "basis": {"kind": "learned", "filters": 24},
        "channels": 12,
        "hidden": 16,
        "stacks": 1,
        "blocks": 2,
        "memory": {"kind": "channel_gru", "size": 6},
        "enrolment_blocks": 1,
    },
    "windows": {
        "kind": "spexplus_short",
        "kernel": 20,
        "channels": 12,
        "hidden": 16,
        "speaker_blocks": 1,
        "stacks": 1,
        "blocks": 2,
        "segment": {"window_ms": 60},
        "memory": {"kind": "gru", "size": 6},
    },
}
"""Hops of 20 samples, 3 of them late; and windows of 240 samples, half overlapping, with a memory."""


@pytest.fixture(scope="session", params=TINY_EXTRACTORS)
def extractor_kind(request: pytest.FixtureRequest) -> str:
    """Which of them; tests that need one only say so."""
    return str(request.param)


@pytest.fixture(scope="session")
def tiny_extractor(extractor_kind: str) -> Any:
    """What a run of a small extractor at 4 kHz hands to export: random weights, three training speakers."""
    import torch

    from models.spec import create
    from sonant.config.experiment import Experiment
    from sonant.config.load import check
    from sonant.export.export import Trained, nameless

    config: Experiment = check(
        Experiment,
        {
            "name": extractor_kind,
            "task": {"kind": "extract"},
            "model": {**TINY_EXTRACTORS[extractor_kind], "sample_rate_hz": 4000, "voice_size": 8, "speakers": 3},
            "data": {
                "corpus": "none",
                "labels": ["ann", "ben", "cy"],
                "mixtures": {"mix_s": 0.4, "min_s": 0.1, "reference_s": [0.2, 0.5]},
            },
        },
    )
    torch.manual_seed(0)
    model, config = nameless(create(config.model).eval(), config)
    return Trained(model=model, config=config, labels=(), metrics={"test.si_sdri": 1.0}, run="runs/tiny/1")


@pytest.fixture(scope="session")
def extract_bundle(tiny_extractor: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its bundle: a folder that tests may read and not change."""
    from sonant.export.bundle import publish, seal
    from sonant.export.export import make

    return Path(publish(seal(*make(tiny_extractor)), str(tmp_path_factory.mktemp("extract") / "bundle")))


TINY_ENHANCERS: dict[str, dict[str, Any]] = {
    "dual_path": {"kind": "dual_path", "bands": 12, "low_hz": 500, "channels": 8, "hidden": 8, "mix": 8, "blocks": 1},
}
"""The default network, which streams."""


@pytest.fixture(scope="session", params=sorted(TINY_ENHANCERS))
def tiny_enhancer(request: pytest.FixtureRequest) -> Any:
    """What a run of a small enhancement network at 4 kHz hands to export, with weights that do something."""
    import torch

    from models.spec import create
    from sonant.config.experiment import Experiment
    from sonant.config.load import check
    from sonant.export.export import Trained

    config: Experiment = check(
        Experiment,
        {
            "name": request.param,
            "task": {"kind": "enhance"},
            "model": {**TINY_ENHANCERS[request.param], "sample_rate_hz": 4000},
            "data": {"corpus": "none", "noisy": {"item_s": 0.4}},
        },
    )
    torch.manual_seed(0)
    model = create(config.model).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return Trained(model=model, config=config, labels=(), metrics={"test.si_sdri": 1.0}, run="runs/tiny/1")


@pytest.fixture(scope="session")
def enhance_bundle(tiny_enhancer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its bundle: a folder that tests may read and not change."""
    from sonant.export.bundle import publish, seal
    from sonant.export.export import make

    return Path(publish(seal(*make(tiny_enhancer)), str(tmp_path_factory.mktemp("enhance") / "bundle")))


@pytest.fixture(scope="session")
def enhance_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder: a small denoiser at 4 kHz, trained on humming for two epochs."""
    from sonant.config.experiment import Experiment
    from sonant.config.load import check
    from sonant.data.source import Clip
    from sonant.data.write import write_corpus
    from sonant.train.local import fit_local

    folder, time = tmp_path_factory.mktemp("hums"), np.arange(4000) / 4000
    clips: list[tuple[Clip, NDArray[np.int16]]] = []
    for number, split in enumerate(("train", "train", "validation", "test")):
        wav_N = 4000 * np.sin(2 * np.pi * (150 + 40 * number) * time) * (1.1 + np.sin(2 * np.pi * 3 * time))
        clips.append((Clip(f"h{number}", f"h{number}", speaker=f"s{number}", split=split), wav_N.astype(np.int16)))
    write_corpus(str(folder / "corpus"), iter(clips), name="hums", sample_rate_hz=4000)
    sizes = {"items": 4, "validation_items": 3, "test_items": 3}
    config: Experiment = check(
        Experiment,
        {
            "name": "hums",
            "task": {"kind": "enhance"},
            "model": {**TINY_ENHANCERS["dual_path"], "sample_rate_hz": 4000},
            "data": {
                "corpus": str(folder / "corpus"),
                "batch_size": 2,
                "noisy": {"item_s": 0.4, "trim_db": None, "noise_only_p": 0, "clean_only_p": 0, **sizes},
            },
            "train": {"epochs": 2, "metric": "si_sdri", "threads": 1},
            "track": {"runs": str(folder / "runs"), "wandb": "off", "worst": 1, "examples": 2, "examples_every": 2},
        },
    )
    return Path(fit_local(config, report=lambda event: None).path)
