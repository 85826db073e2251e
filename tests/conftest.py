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

pytest_plugins = ("fixtures_of_sound",)

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


@pytest.fixture(scope="session")
def whisper_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Whisper model in CTranslate2's form: one layer of 16 numbers, and words without a meaning.

    Every word follows from its place alone, and after the twelfth place comes the end; so it is quick, sure of itself,
    and says the same about everything. What it attends to is random: the times of its words.
    """
    import ctranslate2
    import tokenizers

    special = ["endoftext", "startoftranscript", "en", "de", "translate", "transcribe", "startoflm", "startofprev"]
    times = [f"{0.02 * step:.2f}" for step in range(1501)]
    marks = [f"<|{name}|>" for name in [*special, "nospeech", "notimestamps", *times]]
    vocabulary = {token: index for index, token in enumerate(["?", *(f"w{n}" for n in range(200)), *marks])}
    size, folder = len(vocabulary), tmp_path_factory.mktemp("whisper") / "tiny"
    spec = ctranslate2.specs.WhisperSpec(1, 2, 1, 2)

    def layer(part: Any, *shape: int) -> None:
        part.weight, part.bias = np.zeros(shape, np.float32), np.zeros(shape[0], np.float32)

    def norm(part: Any) -> None:
        part.gamma, part.beta = np.ones(16, np.float32), np.zeros(16, np.float32)

    def attention(part: Any, sizes: list[int]) -> None:
        norm(part.layer_norm)
        for linear, out in zip(part.linear, sizes, strict=True):
            layer(linear, out, 16)

    layer(spec.encoder.conv1, 16, 80, 3)
    layer(spec.encoder.conv2, 16, 16, 3)
    rng = np.random.default_rng(0)
    spec.encoder.position_encodings.encodings = rng.standard_normal((1500, 16)).astype(np.float32)
    spec.decoder.position_encodings.encodings = np.eye(16, dtype=np.float32)[[*range(12), *[15] * 436]]
    spec.decoder.embeddings.weight = np.zeros((size, 16), np.float32)
    projection = 10 * rng.standard_normal((size, 16)).astype(np.float32)
    projection[:, 15], projection[-len(marks) :] = 0, 0
    projection[vocabulary["<|endoftext|>"], 15] = 100
    spec.decoder.projection.weight = projection
    for side in (spec.encoder, spec.decoder):
        norm(side.layer_norm)
        attention(side.layer[0].self_attention, [48, 16])
        norm(side.layer[0].ffn.layer_norm)
        layer(side.layer[0].ffn.linear_0, 32, 16)
        layer(side.layer[0].ffn.linear_1, 16, 32)
    attention(spec.decoder.layer[0].attention, [16, 32, 16])
    for linear in spec.decoder.layer[0].attention.linear[:2]:
        linear.weight[:16] = rng.standard_normal((16, 16))
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], [vocabulary["<|endoftext|>"]]
    spec.config.lang_ids = [vocabulary["<|en|>"], vocabulary["<|de|>"]]
    spec.config.alignment_heads = [(0, 0)]
    spec.register_vocabulary(list(vocabulary))
    spec.validate()
    folder.mkdir()
    spec.save(str(folder))
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="?"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(marks)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
