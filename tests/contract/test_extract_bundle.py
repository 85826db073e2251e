"""An extractor's bundle: proven, refused when touched, and the same sound whole, live, alone and among others."""

from __future__ import annotations

import shutil
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from safetensors.torch import load as load_tensors
from torch import Tensor

from models.extract.base import Extractor, LiveExtractor
from models.spec import create
from sonant.config.experiment import Experiment
from sonant.config.export import ExportConfig
from sonant.config.load import check
from sonant.errors import AudioError, BundleError, ModelError
from sonant.export.bundle import publish, seal
from sonant.export.export import Trained, make
from sonant.export.onnx import OnnxGraph
from sonant.export.parity_extract import prove
from sonant.measure import evaluate
from sonant.runtime.bundle import judge, open_bundle
from sonant.runtime.info import REQUIRED, Role
from sonant.runtime.scores import sigmoid
from sonant.runtime.sound_session import SoundSession
from sonant.runtime.voice_slots import VoicePool
from sonant.runtime.voices import WHOLE_S, VoiceEngine

Floats = NDArray[np.float32]
RATE_HZ = 4000


def sound(seed: int, samples: int) -> Floats:
    """A tone of its own that comes and goes, over noise."""
    rng, time = np.random.default_rng(seed), np.arange(samples) / RATE_HZ
    tone_N = np.sin(2 * np.pi * (200 + 61 * (seed % 20)) * time) * (1 + np.sin(2 * np.pi * 3 * time + seed))
    return (0.2 * tone_N + 0.02 * rng.standard_normal(samples)).astype(np.float32)


@pytest.fixture
def engine(extract_bundle: Path) -> VoiceEngine:
    return VoiceEngine(open_bundle(extract_bundle))


@pytest.fixture
def model(tiny_extractor: Any) -> Extractor:
    return tiny_extractor.model


def in_torch(model: Extractor, mix_N: Floats, voice_E: Floats) -> Floats:
    with torch.no_grad():
        return model.extract(torch.from_numpy(mix_N)[None], torch.from_numpy(voice_E)[None]).wav_BN[0].numpy()


def same(given: Floats, wanted: Floats) -> None:
    assert given.shape == wanted.shape
    np.testing.assert_allclose(given, wanted, atol=1e-5 * max(1e-2, float(np.abs(wanted).max(initial=0))) + 1e-7)


def test_it_holds_its_graphs_and_their_proofs(engine: VoiceEngine, model: Extractor) -> None:
    info = engine.info
    whole = {"model"} if info.name == "causal" else set[str]()
    assert set(info.graphs) == {"enroll", "step"} | whole
    assert set(info.parity) == {check for role in info.graphs for check in REQUIRED[role]}
    assert all(check.error < check.tolerance <= 1e-4 for check in info.parity.values())
    assert info.parity["step"].cases >= 6
    for graph in info.graphs.values():
        assert all(isinstance(tensor.shape[0], str) for tensor in (*graph.inputs, *graph.outputs))
    assert (info.hop, info.latency) == (model.hop, model.latency)
    assert engine.sizes.presence == (info.name == "causal")


def test_nobody_who_was_trained_on_is_in_it(engine: VoiceEngine) -> None:
    assert engine.info.labels == ()
    text = engine.bundle.read("config.yaml").decode()
    assert not any(f"- {name}" in text for name in ("ann", "ben", "cy"))
    assert yaml.safe_load(text)["model"]["speakers"] is None
    weights = load_tensors(engine.bundle.read("weights.safetensors"))
    assert not any(value.shape == (3, 8) for value in weights.values()), "a layer that tells three speakers apart"


def test_its_weights_make_the_same_network(engine: VoiceEngine) -> None:
    config: Experiment = check(Experiment, yaml.safe_load(engine.bundle.read("config.yaml")))
    model = create(config.model).eval()
    model.load_state_dict(load_tensors(engine.bundle.read("weights.safetensors")))
    assert isinstance(model, Extractor)
    voice_E = engine.enroll([sound(3, 1000)])
    same(engine.extract(sound(4, 1000), voice_E).wav_BN, in_torch(model, sound(4, 1000), voice_E))


def test_one_changed_byte_is_refused(extract_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(extract_bundle, folder)
    for path in folder.iterdir():
        whole = path.read_bytes()
        changed = bytearray(whole)
        changed[len(whole) // 2] ^= 0x10
        path.write_bytes(changed)
        with pytest.raises(BundleError) as caught:
            open_bundle(folder)
        assert caught.value.code == "bundle.tampered", path.name
        path.write_bytes(whole)
    assert open_bundle(folder)


@pytest.mark.parametrize("missing", ["enroll", "padding", "step", "stream", "clip"])
def test_a_missing_proof_is_refused(engine: VoiceEngine, missing: str) -> None:
    parity = {name: check for name, check in engine.info.parity.items() if name != missing}
    with pytest.raises(BundleError, match=f"no parity record for {missing}"):
        judge(engine.info.model_copy(update={"parity": parity}), "it")


@pytest.mark.parametrize("samples", [1, 39, 120, 241, 1201, 9001])
def test_mixtures_of_any_length_are_what_torch_gives(engine: VoiceEngine, model: Extractor, samples: int) -> None:
    """Also longer than one chunk of the engine, and shorter than a hop."""
    voice_E, mix_N = engine.enroll([sound(1, 900)]), sound(2, samples)
    given = engine.extract(mix_N, voice_E)
    same(given.wav_BN, in_torch(model, mix_N, voice_E))
    if engine.sizes.presence:
        assert given.presence_BF is not None
        assert given.presence_BF.shape == (-(-samples // engine.hop),)


def test_rows_of_mixtures_are_what_each_is_alone(engine: VoiceEngine) -> None:
    voice_BE = np.stack([engine.enroll([sound(seed, 700)]) for seed in range(3)])
    mix_BN = np.stack([sound(10 + seed, 777) for seed in range(3)])
    wav_BN = engine.extract_rows(mix_BN, voice_BE).wav_BN
    for mix_N, voice_E, wav_N in zip(mix_BN, voice_BE, wav_BN, strict=True):
        same(wav_N, engine.extract(mix_N, voice_E).wav_BN)


def test_a_voice_is_that_of_torch_and_of_several_their_mean(engine: VoiceEngine, model: Extractor) -> None:
    refs = [sound(seed, samples) for seed, samples in enumerate((801, 333, 1))]
    voices = [engine.enroll([ref_N]) for ref_N in refs]
    with torch.no_grad():
        wanted = [model.enroll(torch.from_numpy(ref_N)[None])[0].numpy() for ref_N in refs]
    for voice_E, wanted_E in zip(voices, wanted, strict=True):
        same(voice_E, wanted_E)
    together_E = engine.enroll(refs)
    mean_E = np.mean(voices, axis=0)
    np.testing.assert_allclose(together_E / np.linalg.norm(together_E), mean_E / np.linalg.norm(mean_E), atol=1e-5)
    assert np.linalg.norm(together_E) == pytest.approx(np.mean(np.linalg.norm(voices, axis=1)), rel=1e-5)
    for nothing in ([], [refs[0], refs[0][:0]]):
        with pytest.raises(AudioError):
            engine.enroll(nothing)


def test_clients_that_come_and_go_never_hear_each_other(engine: VoiceEngine) -> None:
    """Each with a voice of its own, in chunks of any size: what comes out is what the whole mixture gives."""
    rng = np.random.default_rng(0)
    pool = VoicePool(engine, 4)
    clients: dict[Any, tuple[SoundSession, Floats, Floats, list[Floats], list[Floats]]] = {}
    compared = 0
    for turn in range(60):
        voice_E = engine.enroll([sound(turn, 500)])
        if (slot := pool.follow(voice_E)) is not None:
            mix_N = sound(100 + turn, int(rng.integers(1, 1500)))
            clients[slot] = (SoundSession(pool, slot, RATE_HZ), mix_N, voice_E, [], [])
        ready: dict[Any, Floats] = {}
        for slot, (session, mix_N, _, _, _) in clients.items():
            if session.received < len(mix_N):
                session.push(mix_N[session.received : session.received + int(rng.integers(0, 400))])
                if session.received == len(mix_N):
                    session.flush()
            if rng.random() < 0.8 and (chunk := session.ready()) is not None:
                ready[slot] = chunk
        for slot, heard in pool.step(ready).items():
            session, _, _, given, told = clients[slot]
            given.append(session.take(heard))
            if heard.presence_F is not None:
                told.append(heard.presence_F)
        for slot, (session, mix_N, voice_E, given, told) in list(clients.items()):
            if session.received == len(mix_N) and session.backlog_s == 0:
                given.append(session.finish())
                wanted = engine.extract(mix_N, voice_E)
                same(np.concatenate(given), wanted.wav_BN)
                if wanted.presence_BF is not None:
                    np.testing.assert_allclose(np.concatenate(told), sigmoid(wanted.presence_BF), atol=1e-5)
                pool.release(slot)
                del clients[slot]
                compared += 1
    assert compared > 15
    assert pool.used == len(clients)


def test_evaluation_hears_what_torch_does(engine: VoiceEngine, model: Extractor) -> None:
    """Batches have references and mixtures that are padded to the longest."""
    ref_BR, samples_B = torch.from_numpy(np.stack([sound(seed, 701) for seed in range(3)])), torch.tensor([701, 333, 1])
    mix_BN = torch.from_numpy(np.stack([sound(seed, 997) for seed in (4, 5, 6)]))
    given = evaluate.network_of(engine.bundle)(mix_BN, ref_BR, samples_B)
    with torch.no_grad():
        wanted = model(mix_BN, ref_BR, samples_B)
    same(given.wav_BN.numpy(), wanted.wav_BN.numpy())
    assert given.logits_BK is None
    assert (given.presence_BF is None) == (wanted.presence_BF is None)
    if wanted.presence_BF is not None:
        torch.testing.assert_close(given.presence_BF, wanted.presence_BF, atol=1e-4, rtol=0)


def test_a_voice_may_change_while_it_is_live(engine: VoiceEngine) -> None:
    pool = VoicePool(engine, 2)
    first_E, second_E = (engine.enroll([sound(seed, 500)]) for seed in (5, 12))
    slot = pool.follow(first_E)
    assert slot is not None
    chunk_N = sound(7, 4 * engine.hop)
    before = pool.step({slot: chunk_N})[slot].wav_N
    pool.change(slot, second_E)
    after = pool.step({slot: chunk_N})[slot].wav_N
    one, state = engine.step(chunk_N[None], first_E[None], engine.init_state(1))
    two, _ = engine.step(chunk_N[None], second_E[None], state)
    same(before, one.wav_BN[0])
    same(after, two.wav_BN[0])
    pool.release(slot)
    assert len(pool.ending(slot, 8)) == 0


def test_a_session_at_another_rate_gives_each_sample_back(engine: VoiceEngine) -> None:
    pool = VoicePool(engine, 1)
    slot = pool.follow(engine.enroll([sound(1, 500)]))
    assert slot is not None
    session, given = SoundSession(pool, slot, 2 * RATE_HZ), 0
    session.push(sound(2, 3001))
    session.flush()
    while (chunk := session.ready()) is not None:
        given += len(session.take(pool.step({slot: chunk})[slot]))
    given += len(session.finish())
    assert given == session.given == session.resampled
    assert abs(given - 1500) < 3


def test_a_network_of_whole_mixtures_has_no_stream(tmp_path: Path) -> None:
    """It takes any length that fits into memory; others are refused before they are tried."""
    small = {"channels": 8, "hidden": 8, "voice_size": 4, "speaker_blocks": 1, "stacks": 1, "blocks": 1}
    data = {"corpus": "none", "mixtures": {"mix_s": 0.3, "min_s": 0.1, "reference_s": [0.2, 0.5]}}
    model = {"kind": "spexplus", "kernel": [20, 40, 80], "sample_rate_hz": RATE_HZ, **small}
    config: Experiment = check(Experiment, {"name": "whole", "task": {"kind": "extract"}, "model": model, "data": data})
    torch.manual_seed(0)
    network = create(config.model).eval()
    assert isinstance(network, Extractor)
    made = make(Trained(model=network, config=config, labels=(), metrics={}, run="runs/whole/1"))
    engine = VoiceEngine(open_bundle(publish(seal(*made), str(tmp_path / "bundle"))))
    assert set(engine.info.parity) == {"enroll", "padding", "model"}
    voice_E = engine.enroll([sound(1, 777)])
    for samples in (1, 39, 401, 3001):
        mix_N = sound(2, samples)
        given = engine.extract(mix_N, voice_E)
        same(given.wav_BN, in_torch(network, mix_N, voice_E))
        assert given.presence_BF is None
    with pytest.raises(AudioError, match="as a whole") as caught:
        engine.extract(np.zeros(int(WHOLE_S * RATE_HZ) + 1, np.float32), voice_E)
    assert caught.value.code == "audio.too_long"
    with pytest.raises(ModelError, match="no step graph"):
        VoicePool(engine, 1)


@pytest.fixture
def graphs(engine: VoiceEngine) -> dict[Role, OnnxGraph]:
    return {role: OnnxGraph(engine.bundle.read(info.file), info) for role, info in engine.info.graphs.items()}


def failing(model: Extractor, graphs: dict[Role, OnnxGraph]) -> set[str]:
    checks = prove(model, graphs, ExportConfig(), mix_s=0.4, reference_s=0.2)
    return {name for name, check in checks.items() if check.error > check.tolerance}


def test_other_weights_fail_every_graph(model: Extractor, graphs: dict[Role, OnnxGraph]) -> None:
    other = deepcopy(model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(1.01)
    assert failing(model, graphs) == set()
    assert failing(other, graphs) == ({"enroll", "step", "model"} & {"enroll", *graphs})


def test_a_stream_that_forgets_fails(model: Extractor, graphs: dict[Role, OnnxGraph]) -> None:
    forgetful = deepcopy(model)
    assert isinstance(forgetful, LiveExtractor)

    def step(self: Any, x: Tensor, state: dict[str, Tensor], voice_BE: Tensor) -> Any:
        kept = {name: torch.zeros_like(value) if "memory" in name else value for name, value in state.items()}
        return type(self).step(self, x, kept, voice_BE)

    forgetful.step = MethodType(step, forgetful)
    assert "stream" in failing(forgetful, graphs)


def test_a_failed_proof_makes_no_bundle(
    tiny_extractor: Any, graphs: dict[Role, OnnxGraph], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sonant.export.export.extract_graphs", lambda _: graphs)
    strict = ExportConfig(onnx_tolerance=1e-12)
    with pytest.raises(BundleError, match="parity check") as caught:
        make(replace(tiny_extractor, config=tiny_extractor.config.model_copy(update={"export": strict})))
    assert caught.value.code == "bundle.unproven"
