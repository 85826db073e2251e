"""For every tier that serves something: a classifier of "words" made of tones, an embedder, a detector of bursts, and
ways to run a server."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray

Floats = NDArray[np.float32]

RATE_HZ = 16_000
TONE_LABELS = ("_silence_", "fall", "rise")


def tone_word(label: str, rate_hz: int, rng: np.random.Generator) -> Floats:
    """Half a second of a gliding tone with two overtones: `rise` goes up two octaves, `fall` comes down."""
    time_s = np.arange(round(0.5 * rate_hz)) / rate_hz
    bend = 4 * time_s if label == "rise" else 2 - 4 * time_s
    phase = 2 * np.pi * np.cumsum(300 * rng.uniform(0.9, 1.1) * 2**bend) / rate_hz
    wav = np.sum([np.sin(n * phase + rng.uniform(0, 6)) / n for n in (1, 2, 3)], axis=0) * np.hanning(len(time_s))
    return (0.5 * wav / np.abs(wav).max()).astype(np.float32)


def tone_clip(
    label: str, *, length_s: float = 1.0, at_s: float = 0.25, rate_hz: int = RATE_HZ, seed: int = 0, floor: float = 1e-3
) -> Floats:
    """A word (or none, for `_silence_`) in a clip of faint noise; what lies outside the clip is cut off."""
    rng = np.random.default_rng(seed)
    clip = floor * rng.standard_normal(round(length_s * rate_hz))
    if label != "_silence_":
        start = round(at_s * rate_hz)
        word = tone_word(label, rate_hz, rng)[max(0, -start) : len(clip) - start]
        clip[max(0, start) : max(0, start) + len(word)] += word
    return clip.astype(np.float32)


def _examples(count: int) -> tuple[Floats, NDArray[np.int64]]:
    """Words anywhere in a second, at many levels, over noise (it may set in) or nothing. The edge of a word is none."""
    rng = np.random.default_rng(0)
    label_B = rng.integers(0, len(TONE_LABELS), count)
    clips: list[Floats] = []
    for row, label in enumerate(label_B):
        word, at_s = TONE_LABELS[label], rng.uniform(0, 0.5)
        if label == 0 and row % 4:
            word = TONE_LABELS[1 + row % 2]
            at_s = rng.uniform(0.8, 0.97) if row % 4 == 1 else rng.uniform(-0.48, -0.3)
        noise = rng.choice([0, 10 ** rng.uniform(-5, -1.5)]) * rng.standard_normal(RATE_HZ)
        noise[: rng.choice([0, rng.integers(RATE_HZ)])] = 0
        clips.append(10 ** rng.uniform(-1.2, 0) * tone_clip(word, at_s=at_s, seed=row, floor=0) + noise)
    return np.stack(clips).astype(np.float32), label_B


@pytest.fixture(scope="session")
def tone_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a causal network that knows `rise` and `fall`: some training, then the real export."""
    import torch

    from models.spec import create
    from sonant.config.experiment import Experiment
    from sonant.config.load import check
    from sonant.export.bundle import publish, seal
    from sonant.export.export import Trained, make

    model = {"kind": "tc_resnet", "variant": 8, "causal": True, "outputs": len(TONE_LABELS)}
    config: Experiment = check(
        Experiment,
        {
            "name": "tones",
            "model": {**model, "features": {"kind": "mfcc"}},
            "data": {"corpus": "none", "clip_s": 1.0, "labels": list(TONE_LABELS)},
            "task": {"background": ["_silence_"]},
            "export": {"split_features": True},
        },
    )
    torch.manual_seed(0)
    network = create(config.model)
    wav_BN, label_B = (torch.from_numpy(array) for array in _examples(1024))
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    network.train()
    for _ in range(150):
        rows = torch.randint(0, len(wav_BN), (32,))
        loss = torch.nn.functional.cross_entropy(network(wav_BN[rows]), label_B[rows], label_smoothing=0.02)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    made = make(
        Trained(model=network.eval(), config=config, labels=TONE_LABELS, metrics={"loss": loss.item()}, run="tones")
    )
    return Path(publish(seal(*made), str(tmp_path_factory.mktemp("tones") / "bundle")))


@pytest.fixture(scope="session")
def voice_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder: a small embedder, trained on six "voices" (chords of a pitch), judged on others."""
    import numpy as np

    from sonant.config.experiment import Experiment
    from sonant.config.load import check
    from sonant.data.source import Clip
    from sonant.data.write import write_corpus
    from sonant.train.local import fit_local

    folder = tmp_path_factory.mktemp("voices")
    rng = np.random.default_rng(0)
    clips: list[tuple[Clip, np.ndarray]] = []
    for number in range(72):
        voice, take = number % 12, number // 12
        time = np.arange(int(rng.integers(1500, 4000))) / 8000
        wav_N = np.sum([np.sin(2 * np.pi * (200 + 130 * voice) * n * time) / n for n in (1, 2)], axis=0)
        split = {1: "validation", 4: "validation", 7: "validation", 2: "test", 5: "test", 8: "test"}.get(voice, "train")
        clip = Clip(f"c{number}", f"v{voice}/{take}.wav", {}, label="x", speaker=f"voice{voice}", split=split)
        clips.append((clip, (5000 * wav_N + 100 * rng.standard_normal(len(time))).astype(np.int16)))
    write_corpus(str(folder / "corpus"), iter(clips), name="voices", sample_rate_hz=8000, split_by="speaker")
    head = {"kind": "embedding", "pool": "mean", "size": 12, "cosine": True}
    # Steady tones: taking the mean of a clip away would leave nothing.
    features = {"kind": "melspec", "sample_rate_hz": 8000, "norm": "none"}
    config: Experiment = check(
        Experiment,
        {
            "name": "voices",
            "task": {"kind": "embed", "loss": {"kind": "aam_softmax", "margin": 0.1, "scale": 10}},
            "model": {"kind": "tc_resnet", "width": 0.25, "features": features, "head": head},
            "data": {"corpus": str(folder / "corpus"), "clip_s": 0.25, "batch_size": 12, "augment": None, "repeat": 15},
            "train": {"epochs": 2, "lr": 0.01, "threads": 1, "metric": "eer", "mode": "min"},
            "track": {"runs": str(folder / "runs"), "wandb": "off", "worst": 2},
            "export": {"split_features": True},
        },
    )
    return Path(fit_local(config, report=lambda event: None).path)


@pytest.fixture(scope="session")
def voice_bundle(voice_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small embedder exported: a folder that tests may read and not change."""
    from sonant.export.export import export

    return Path(export(str(voice_run), out=str(tmp_path_factory.mktemp("voices") / "bundle")))


@pytest.fixture(scope="session")
def burst_corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A prepared corpus with spans: twelve recordings of 4 s at 8 kHz by six speakers, bursts of something like a voice
    in noise; a third of the recordings is as loud, but only noise."""
    from sonant.data.source import Clip, Span
    from sonant.data.write import write_corpus

    rng = np.random.default_rng(0)
    clips: list[tuple[Clip, NDArray[np.int16]]] = []
    for number in range(18):
        time = np.arange(32_000) / 8000
        wav_N, spans = 150 * rng.standard_normal(len(time)), []
        start_s = rng.uniform(0.1, 0.6)
        while start_s < 3.5:
            end_s = min(start_s + rng.uniform(0.3, 0.9), 3.9)
            inside = (time >= start_s) & (time < end_s)
            pitch_hz = rng.uniform(100, 220)
            voice_N = sum(np.sin(2 * np.pi * pitch_hz * n * time + n) / n for n in range(1, 12))
            wav_N = wav_N + 1500 * inside * (voice_N if number % 3 else rng.standard_normal(len(time)))
            if number % 3:
                spans.append(Span(start_s, end_s, "speech"))
            start_s = end_s + rng.uniform(0.3, 0.8)
        speaker = number // 3
        split = ("train", "train", "train", "train", "validation", "test")[speaker]
        clip = Clip(f"r{number}", f"r{number}", {}, speaker=f"s{speaker}", split=split, spans=spans)
        clips.append((clip, wav_N.astype(np.int16)))
    folder = str(tmp_path_factory.mktemp("bursts") / "corpus")
    write_corpus(folder, iter(clips), name="bursts", sample_rate_hz=8000)
    return folder


@pytest.fixture(scope="session")
def detect_run(burst_corpus: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder: a small live detector, trained on the bursts for a few seconds."""
    from sonant.config.experiment import Experiment
    from sonant.config.load import check
    from sonant.train.local import fit_local

    features = {"kind": "melspec", "sample_rate_hz": 8000, "n_mels": 20}
    head = {"kind": "framewise"}
    model = {"kind": "tcn", "causal": True, "channels": 16, "dilations": [1, 2], "features": features, "head": head}
    augment = {"speed": 0, "time_masks": 0, "room_p": 0, "gain_db": 3, "noise_snr_db": [10, 40]}
    config: Experiment = check(
        Experiment,
        {
            "name": "bursts",
            "task": {"kind": "detect"},
            "model": model,
            "data": {"corpus": burst_corpus, "clip_s": 2, "batch_size": 8, "repeat": 20, "augment": augment},
            "train": {"epochs": 2, "lr": 0.01, "threads": 1, "metric": "auc"},
            "track": {"runs": str(tmp_path_factory.mktemp("detect")), "wandb": "off", "worst": 2},
        },
    )
    return Path(fit_local(config, report=lambda event: None).path)


@pytest.fixture(scope="session")
def detect_bundle(detect_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The detector exported: a folder that tests may read and not change."""
    from sonant.export.export import export

    return Path(export(str(detect_run), out=str(tmp_path_factory.mktemp("detector") / "bundle")))


@pytest.fixture(scope="session")
def clip() -> Callable[..., Floats]:
    """`tone_clip`, for test modules, which cannot import this file."""
    return tone_clip


@pytest.fixture(scope="session")
def run_app() -> Callable[[Any], contextlib.AbstractContextManager[str]]:
    """Runs an ASGI application on a real server in a thread: `with run_app(app, prefix) as url`."""

    @contextlib.contextmanager
    def run(app: Any, prefix: str = "") -> Generator[str]:
        import uvicorn

        async def mounted(scope: Any, receive: Any, send: Any) -> None:
            """As Serve does it: the path keeps its prefix, and root_path says how much of it is not ours."""
            await app({**scope, "root_path": prefix}, receive, send)

        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            config = uvicorn.Config(mounted, ws="websockets-sansio", lifespan="off", log_level="error")
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            try:
                while not server.started:
                    assert thread.is_alive(), "uvicorn did not start"
                    time.sleep(0.005)
                yield f"http://127.0.0.1:{listener.getsockname()[1]}{prefix}"
            finally:
                server.should_exit = True
                thread.join()

    return run


@pytest.fixture(scope="session")
def run_serve(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., contextlib.AbstractContextManager[str]]:
    """Runs `sonant serve` on a config in a process of its own until the block ends: `with run_serve(file) as url`."""

    @contextlib.contextmanager
    def run(file: dict[str, Any], environment: dict[str, str] | None = None) -> Generator[str]:
        import os

        folder = tmp_path_factory.mktemp("serve")
        port = file.setdefault("http_options", {}).setdefault("port", free_port())
        (folder / "serve.yaml").write_text(yaml.safe_dump(file), encoding="utf-8")
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "sonant.cli", "serve", str(folder / "serve.yaml")]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        with open(folder / "log", "wb") as log:
            process = subprocess.Popen(
                command, env=inherited | {"OMP_NUM_THREADS": "1"} | (environment or {}), stdout=log, stderr=log
            )
        try:
            deadline = time.monotonic() + 180
            while not _answers(f"{url}/readyz"):
                told = (folder / "log").read_text(encoding="utf-8")
                assert process.poll() is None, f"sonant serve ended: {told}"
                assert time.monotonic() < deadline, f"sonant serve is not ready: {told}"
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            assert process.wait(60) == 0, (folder / "log").read_text(encoding="utf-8")

    return run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture(scope="session")
def tone_corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A prepared corpus of 72 short tones by six "speakers"; four of them are for training."""
    from sonant.data.source import Clip
    from sonant.data.write import write_corpus

    clips: list[tuple[Clip, NDArray[np.int16]]] = []
    for number in range(72):
        label, speaker = TONE_LABELS[number % 3], number // 3 % 6
        wav_N = tone_clip(label, length_s=0.6, at_s=0.05, seed=number)
        split = ("train", "train", "train", "train", "validation", "test")[speaker]
        clip = Clip(f"c{number}", f"c{number}", {}, label=label, speaker=f"s{speaker}", split=split)
        clips.append((clip, (32767 * wav_N).astype(np.int16)))
    folder = str(tmp_path_factory.mktemp("tones") / "corpus")
    write_corpus(folder, iter(clips), name="tones", sample_rate_hz=RATE_HZ, split_by="speaker")
    return folder


@pytest.fixture
def searched(tone_corpus: str, tmp_path: Path) -> Callable[..., Any]:
    """Makes the config of a search over two sizes of a tiny network; keywords replace parts of its tune section."""
    from sonant.config.experiment import Experiment
    from sonant.config.load import check

    def make(train: dict[str, Any] | None = None, **tune: Any) -> Experiment:
        space = {
            "model.width": {"kind": "choice", "values": [0.25, 2.0]},
            "train.lr": {"kind": "float", "low": 0.001, "high": 0.1, "log": True},
        }
        return check(
            Experiment,
            {
                "name": "tones",
                "model": {"kind": "tc_resnet", "causal": True, "features": {"kind": "mfcc"}},
                "data": {"corpus": tone_corpus, "clip_s": 0.5, "batch_size": 12, "prefetch": 0, "augment": None},
                "train": {"epochs": 2, "threads": 1, **(train or {})},
                "track": {"runs": str(tmp_path / "runs"), "wandb": "off", "worst": 1},
                "tune": {"space": space, "trials": 3, "scheduler": {"kind": "none"}, **tune},
            },
        )

    return make


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
def tiny_extractor(request: pytest.FixtureRequest) -> Any:
    """What a run of a small extractor at 4 kHz hands to export: random weights, three training speakers."""
    import torch

    from models.spec import create
    from sonant.config.experiment import Experiment
    from sonant.config.load import check
    from sonant.export.export import Trained, nameless

    config: Experiment = check(
        Experiment,
        {
            "name": request.param,
            "task": {"kind": "extract"},
            "model": {**TINY_EXTRACTORS[request.param], "sample_rate_hz": 4000, "voice_size": 8, "speakers": 3},
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
