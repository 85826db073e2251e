"""A trained network's bundle: sound as it is, refused with one byte changed, and live what it is on clips."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from safetensors.torch import load as load_tensors

from models.spec import create
from sonant.config.experiment import Experiment
from sonant.config.load import check
from sonant.errors import BundleError
from sonant.runtime.bundle import open_bundle
from sonant.runtime.engine import Engine
from sonant.runtime.infer import classify
from sonant.runtime.session import LiveSession, Message
from sonant.runtime.slots import SlotPool

Floats = NDArray[np.float32]
Clip = Callable[..., Floats]

FILES = (
    "bundle.json", "bundle.sha256", "model.onnx", "step.onnx", "frontend.onnx", "body.onnx", "weights.safetensors",
    "config.yaml", "card.md",
)  # fmt: skip


@pytest.fixture(scope="module")
def engine(tone_bundle: Path) -> Engine:
    return Engine(open_bundle(tone_bundle))


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_is_refused(tone_bundle: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(tone_bundle, folder)
    whole = (folder / name).read_bytes()
    for place in (0, len(whole) // 2, len(whole) - 1):
        changed = bytearray(whole)
        changed[place] ^= 0x10
        (folder / name).write_bytes(changed)
        with pytest.raises(BundleError) as caught:
            open_bundle(folder)
        assert caught.value.code == "bundle.tampered"
    (folder / name).write_bytes(whole)
    assert open_bundle(folder)


def test_it_has_these_files_and_no_others(tone_bundle: Path) -> None:
    assert {path.name for path in tone_bundle.iterdir()} == set(FILES)


def test_graphs_hold_the_weights_beside_them(engine: Engine, clip: Clip) -> None:
    config: Experiment = check(Experiment, yaml.safe_load(engine.bundle.read("config.yaml")))
    model = create(config.model).eval()
    model.load_state_dict(load_tensors(engine.bundle.read("weights.safetensors")))
    wav_BN = np.stack([clip(label, seed=seed) for seed, label in enumerate(("rise", "fall", "_silence_"))])
    with torch.no_grad():
        wanted_BK = model(torch.from_numpy(wav_BN)).numpy()
    np.testing.assert_allclose(engine.logits(wav_BN), wanted_BK, atol=1e-4)
    np.testing.assert_allclose(engine.body(engine.features(wav_BN)), wanted_BK, atol=1e-4)


@pytest.mark.parametrize(("rows", "samples"), [(1, 3200), (2, 16_000), (3, 20_001)])
def test_graphs_split_at_the_features_take_any_size(engine: Engine, clip: Clip, rows: int, samples: int) -> None:
    wav_BN = np.stack([clip("rise", length_s=1.5, seed=seed)[:samples] for seed in range(rows)])
    feat_BFT = engine.features(wav_BN)
    assert feat_BFT.shape[0] == rows
    np.testing.assert_allclose(engine.body(feat_BFT), engine.logits(wav_BN), atol=1e-4)


@pytest.mark.parametrize("label", ["rise", "fall", "_silence_"])
def test_a_clip_is_what_it_is(engine: Engine, clip: Clip, label: str) -> None:
    answer = classify(engine, clip(label, seed=77))
    assert answer["label"] == label
    assert answer["duration_s"] == 1.0


def listen(engine: Engine, wav_N: Floats, rate_hz: int, chunk: int) -> list[tuple[float, Message]]:
    """Messages of a live session, each with the seconds of sound that had been sent when it came."""
    pool = SlotPool(engine, 2)
    pool.admit()
    slot = pool.admit()
    assert slot is not None
    session = LiveSession(pool, slot, rate_hz)
    told: list[tuple[float, Message]] = []

    def step() -> None:
        while (ready := session.ready()) is not None:
            told.extend((session.audio_s, message) for message in session.take(pool.step({slot: ready})[slot]))

    for start in range(0, len(wav_N), chunk):
        session.push(wav_N[start : start + chunk])
        step()
    session.flush()
    step()
    return told + [(session.audio_s, message) for message in session.finish()]


@pytest.mark.parametrize(("rate_hz", "chunk"), [(16000, 640), (48000, 1024)])
def test_words_are_heard_live_when_they_are_said(engine: Engine, clip: Clip, rate_hz: int, chunk: int) -> None:
    """Two words, the second three seconds after the first; each takes half a second."""
    parts = [clip("rise", length_s=3.0, at_s=1.2, rate_hz=rate_hz, seed=3)]
    parts += [clip("fall", length_s=3.0, at_s=1.2, rate_hz=rate_hz, seed=4)]
    told = listen(engine, np.concatenate(parts), rate_hz, chunk)
    events = [(came, message) for came, message in told if message["type"] == "event"]
    assert [message["label"] for _, message in events] == ["rise", "fall"]
    for (came, message), said in zip(events, (1.2, 4.2), strict=True):
        assert message["score"] > engine.info.events.threshold
        assert said - 0.5 < message["t_start"] < said + 0.5
        assert said < message["t_end"] < said + 1.2
        assert message["t_start"] < message["t_end"] <= came < said + 1.5


def test_silence_is_no_event(engine: Engine) -> None:
    faint = (1e-3 * np.random.default_rng(5).standard_normal(5 * 16000)).astype(np.float32)
    assert listen(engine, np.zeros(5 * 16000, np.float32), 16000, 640) == []
    assert listen(engine, faint, 16000, 640) == []
