"""An enhancer's bundle: proven, refused when touched, and the same sound whole, in pieces, live and among others."""

from __future__ import annotations

from copy import deepcopy
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

from models.enhance.base import Enhancer, LiveEnhancer
from models.spec import create
from sonant.config.experiment import Experiment
from sonant.config.export import ExportConfig
from sonant.config.load import check
from sonant.errors import AudioError, BundleError, ModelError
from sonant.export.onnx import OnnxGraph
from sonant.export.parity_enhance import prove
from sonant.measure import evaluate
from sonant.runtime.bundle import judge, open_bundle
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.engine import Engine
from sonant.runtime.info import REQUIRED, Role
from sonant.runtime.sound_session import SoundSession
from sonant.runtime.sound_slots import SoundPool
from sonant.runtime.voices import VoiceEngine

Floats = NDArray[np.float32]
RATE_HZ = 4000


def sound(seed: int, samples: int) -> Floats:
    """A tone of its own that comes and goes, over noise."""
    rng, time = np.random.default_rng(seed), np.arange(samples) / RATE_HZ
    tone_N = np.sin(2 * np.pi * (200 + 61 * (seed % 20)) * time) * (1 + np.sin(2 * np.pi * 3 * time + seed))
    return (0.2 * tone_N + 0.02 * rng.standard_normal(samples)).astype(np.float32)


@pytest.fixture
def engine(enhance_bundle: Path) -> EnhanceEngine:
    return EnhanceEngine(open_bundle(enhance_bundle))


@pytest.fixture
def model(tiny_enhancer: Any) -> Enhancer:
    return tiny_enhancer.model


def in_torch(model: Enhancer, wav_N: Floats) -> Floats:
    with torch.no_grad():
        return model(torch.from_numpy(wav_N)[None])[0].numpy()


def same(given: Floats, wanted: Floats) -> None:
    assert given.shape == wanted.shape
    np.testing.assert_allclose(given, wanted, atol=1e-5 * max(1e-2, float(np.abs(wanted).max(initial=0))) + 1e-7)


def test_it_holds_its_graphs_and_their_proofs(engine: EnhanceEngine, model: LiveEnhancer) -> None:
    info = engine.info
    assert info.task == "enhance"
    assert set(info.graphs) == {"model", "step"}
    assert set(info.parity) == {check for role in info.graphs for check in REQUIRED[role]}
    assert all(check.error < check.tolerance <= 1e-4 for check in info.parity.values())
    for graph in info.graphs.values():
        assert all(isinstance(tensor.shape[0], str) for tensor in (*graph.inputs, *graph.outputs))
    assert (info.hop, info.latency) == (model.hop, model.latency)
    assert info.labels == ()
    card = engine.bundle.read("card.md").decode()
    assert "speech without the noise" in card
    assert "sonant infer BUNDLE noisy.wav" in card


def test_its_weights_make_the_same_network(engine: EnhanceEngine) -> None:
    config: Experiment = check(Experiment, yaml.safe_load(engine.bundle.read("config.yaml")))
    model = create(config.model).eval()
    model.load_state_dict(load_tensors(engine.bundle.read("weights.safetensors")))
    assert isinstance(model, Enhancer)
    same(engine.enhance(sound(4, 1000)), in_torch(model, sound(4, 1000)))


@pytest.mark.parametrize("missing", ["model", "step", "stream", "clip"])
def test_a_missing_proof_is_refused(engine: EnhanceEngine, missing: str) -> None:
    parity = {name: check for name, check in engine.info.parity.items() if name != missing}
    with pytest.raises(BundleError, match=f"no parity record for {missing}"):
        judge(engine.info.model_copy(update={"parity": parity}), "it")


@pytest.mark.parametrize("samples", [1, 39, 120, 241, 1201, 9001])
def test_recordings_of_any_length_are_what_torch_gives(engine: EnhanceEngine, model: Enhancer, samples: int) -> None:
    """Also longer than one chunk of the engine, and shorter than a hop; and they are changed."""
    wav_N = sound(2, samples)
    given_N = engine.enhance(wav_N)
    same(given_N, in_torch(model, wav_N))
    assert np.abs(given_N - wav_N).max() > 0.01 * np.abs(wav_N).max()
    rows = engine.enhance_rows(np.stack([wav_N, sound(3, samples)]))
    same(rows[0], given_N)


@pytest.mark.parametrize("dry", [0.0, 0.3, 1.0])
def test_a_file_in_pieces_is_the_whole_file(engine: EnhanceEngine, dry: float) -> None:
    wav_N, rng = sound(5, 20_001), np.random.default_rng(0)
    cuts = np.sort(rng.integers(0, len(wav_N), 12)).tolist()
    pieces = list(engine.enhance_pieces(np.split(wav_N, cuts), dry=dry))
    assert max(len(piece_N) for piece_N in pieces) <= RATE_HZ + engine.hop
    wet_N = engine.enhance(wav_N)
    same(np.concatenate(pieces), dry * wav_N + (1 - dry) * wet_N)
    same(engine.enhance(wav_N, dry=dry), dry * wav_N + (1 - dry) * wet_N)


def test_nothing_in_is_refused_or_nothing_out(engine: EnhanceEngine) -> None:
    with pytest.raises(AudioError):
        engine.enhance(np.zeros(0, np.float32))
    assert list(engine.enhance_pieces([])) == []
    assert sum(len(piece_N) for piece_N in engine.enhance_pieces([np.zeros(0, np.float32)])) == 0


def test_clients_that_come_and_go_never_hear_each_other(engine: EnhanceEngine) -> None:
    """In chunks of any size, some with a share of what they sent: what comes out is what the whole recording gives."""
    rng = np.random.default_rng(0)
    pool = SoundPool(engine, 4)
    clients: dict[Any, tuple[SoundSession, Floats, list[Floats]]] = {}
    compared = 0
    for turn in range(60):
        if (slot := pool.admit()) is not None:
            wav_N = sound(100 + turn, int(rng.integers(1, 1500)))
            clients[slot] = (SoundSession(pool, slot, RATE_HZ, dry=0.25 * (turn % 3)), wav_N, [])
        ready: dict[Any, Floats] = {}
        for slot, (session, wav_N, _) in clients.items():
            if session.received < len(wav_N):
                session.push(wav_N[session.received : session.received + int(rng.integers(0, 400))])
                if session.received == len(wav_N):
                    session.flush()
            if rng.random() < 0.8 and (chunk := session.ready()) is not None:
                ready[slot] = chunk
        for slot, heard in pool.step(ready).items():
            session, _, given = clients[slot]
            given.append(session.take(heard))
        for slot, (session, wav_N, given) in list(clients.items()):
            if session.received == len(wav_N) and session.backlog_s == 0:
                given.append(session.finish())
                same(np.concatenate(given), engine.enhance(wav_N, dry=session.dry))
                pool.release(slot)
                del clients[slot]
                compared += 1
    assert compared > 15
    assert pool.used == len(clients)


def test_evaluation_hears_what_torch_does(engine: EnhanceEngine, model: Enhancer) -> None:
    wav_BN = torch.from_numpy(np.stack([sound(seed, 997) for seed in (4, 5, 6)]))
    given_BN = evaluate.network_of(engine.bundle)(wav_BN)
    with torch.no_grad():
        same(given_BN.numpy(), model(wav_BN).numpy())


def test_other_engines_refuse_it(engine: EnhanceEngine) -> None:
    for other in (Engine, VoiceEngine):
        with pytest.raises(ModelError):
            other(engine.bundle)


@pytest.fixture
def graphs(engine: EnhanceEngine) -> dict[Role, OnnxGraph]:
    return {role: OnnxGraph(engine.bundle.read(info.file), info) for role, info in engine.info.graphs.items()}


def failing(model: Enhancer, graphs: dict[Role, OnnxGraph]) -> set[str]:
    checks = prove(model, graphs, ExportConfig(), item_s=0.4)
    return {name for name, check in checks.items() if check.error > check.tolerance}


def test_other_weights_fail_every_graph(model: Enhancer, graphs: dict[Role, OnnxGraph]) -> None:
    other = deepcopy(model)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(1.05)
    assert failing(model, graphs) == set()
    assert failing(other, graphs) == {"model", "step"}


def test_a_stream_that_forgets_fails(model: Enhancer, graphs: dict[Role, OnnxGraph]) -> None:
    forgetful = deepcopy(model)
    assert isinstance(forgetful, LiveEnhancer)

    def step(self: Any, x: Tensor, state: dict[str, Tensor]) -> Any:
        kept = {name: torch.zeros_like(value) if "memory" in name else value for name, value in state.items()}
        return type(self).step(self, x, kept)

    forgetful.step = MethodType(step, forgetful)
    assert "stream" in failing(forgetful, graphs)
