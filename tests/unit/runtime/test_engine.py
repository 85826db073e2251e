"""Graphs run on what is installed, say on what, and are the ones that bundle.json describes."""

from __future__ import annotations

import dataclasses
import logging
import subprocess
import sys

import numpy as np
import pytest

from sonant.errors import BundleError, EnvError, ModelError
from sonant.runtime.engine import Engine


def test_serving_needs_neither_torch_nor_ray() -> None:
    code = (
        "import sys, sonant.runtime.session, sonant.runtime.infer, sonant.runtime.bundle\n"
        "import sonant.runtime.sound_session\n"
        "print([name for name in ('torch', 'ray', 'pyarrow', 'sonant.data', 'sonant.train') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def noise(rows: int, samples: int) -> np.ndarray:
    return (0.1 * np.random.default_rng(0).standard_normal((rows, samples))).astype(np.float32)


def test_whole_split_and_live_graphs_agree(engine: Engine) -> None:
    wav_BN = noise(3, 20 * engine.hop)
    logits_BK = engine.logits(wav_BN)
    assert logits_BK.shape == (3, 3)
    assert engine.splits
    np.testing.assert_allclose(engine.body(engine.features(wav_BN)), logits_BK, atol=1e-5)
    state = engine.init_state(3)
    kept = {name: value.copy() for name, value in state.items()}
    frames_BFK, after = engine.step(wav_BN, state)
    np.testing.assert_allclose(frames_BFK[:, -1], logits_BK, atol=1e-5)
    for name, value in kept.items():
        np.testing.assert_array_equal(state[name], value)
        assert after[name].shape == value.shape
        assert after[name].dtype == value.dtype


def test_the_provider_that_runs_is_told(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    with caplog.at_level(logging.INFO):
        assert Engine(engine.bundle, providers=wanted).provider == "CPUExecutionProvider"
    assert "CUDAExecutionProvider wanted, CPUExecutionProvider runs" in caplog.text


def test_providers_that_are_not_there_are_an_error(engine: Engine) -> None:
    with pytest.raises(EnvError, match="none of CUDAExecutionProvider is installed"):
        Engine(engine.bundle, providers=("CUDAExecutionProvider",)).logits(noise(1, 1600))


def test_a_clip_network_has_no_stream(engine: Engine) -> None:
    graphs = {"model": engine.info.graphs["model"]}
    info = engine.info.model_copy(update={"graphs": graphs, "hop": None})
    clips = Engine(dataclasses.replace(engine.bundle, info=info))
    for ask in (lambda: clips.hop, lambda: clips.init_state(1), lambda: clips.step(noise(1, 80), {})):
        with pytest.raises(ModelError) as caught:
            ask()
        assert caught.value.code == "model.no_stream"
    assert not clips.splits
    with pytest.raises(ModelError, match="no frontend graph"):
        clips.features(noise(1, 1600))


def test_a_graph_with_other_inputs_than_described_is_refused(engine: Engine) -> None:
    graphs = dict(engine.info.graphs)
    graphs["model"] = graphs["model"].model_copy(update={"file": "body.onnx"})
    info = engine.info.model_copy(update={"graphs": graphs})
    with pytest.raises(BundleError, match="other inputs or outputs"):
        Engine(dataclasses.replace(engine.bundle, info=info)).logits(noise(1, 1600))


def test_what_is_no_graph_is_refused(engine: Engine) -> None:
    graphs = dict(engine.info.graphs)
    graphs["model"] = graphs["model"].model_copy(update={"file": "card.md"})
    info = engine.info.model_copy(update={"graphs": graphs})
    with pytest.raises(BundleError, match="onnxruntime refuses"):
        Engine(dataclasses.replace(engine.bundle, info=info)).logits(noise(1, 1600))
