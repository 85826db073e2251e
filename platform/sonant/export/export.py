"""Run in, bundle out: graphs are written, proven against the network that was trained, and only then kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version as version_of
from typing import Any, cast

from safetensors.torch import save
from torch import nn

from models.classify.base import Classifier
from models.classify.embedder import Embedder
from models.enhance.base import Enhancer, LiveEnhancer
from models.extract.base import Extractor, ExtractorConfig, LiveExtractor
from models.spec import create
from models.streaming import Streaming
from sonant.config.experiment import Experiment
from sonant.config.load import dump
from sonant.config.task import EmbedTask
from sonant.export import parity_enhance, parity_extract
from sonant.export.bundle import Contents, digests, publish, seal
from sonant.export.card import card
from sonant.export.onnx import OnnxGraph, export_graphs
from sonant.export.onnx_enhance import enhance_graphs
from sonant.export.onnx_extract import extract_graphs
from sonant.export.onnx_sound import grain
from sonant.export.parity import prove
from sonant.runtime.bundle import judge
from sonant.runtime.info import (
    BundleInfo,
    Check,
    DetectInfo,
    EmbedInfo,
    EnhanceInfo,
    ExtractInfo,
    OperatingPoint,
    Provenance,
    Role,
    VerifyPoint,
)
from sonant.track import events, files

_LIBRARIES = ("sonant", "torch", "onnx", "onnxscript", "onnxruntime")


AnyModel = Classifier | Extractor | Enhancer


@dataclass(frozen=True)
class Trained:
    """What a bundle is made from."""

    model: AnyModel
    """In evaluation mode, with the weights to export."""
    config: Experiment
    labels: tuple[str, ...]
    metrics: Mapping[str, float]
    run: str
    corpus_sha256: str = ""
    commit: str | None = None
    temperature: float = 1.0
    points: Mapping[str, tuple[OperatingPoint, ...]] | None = None
    """Operating points of a detector, by name."""
    verify: Mapping[str, VerifyPoint] | None = None
    """Operating points of an embedder, by name."""


def export(run_url: str, *, out: str | None = None) -> str:
    """Exports a run's best checkpoint; gives the bundle's path (default: bundles/<version>/ in the run folder).

    Raises bundle.unproven, and leaves nothing behind, when a graph or a stream differs from the network by more than
    the config's tolerances.
    """
    trained = read_run(run_url)
    info, contents = make(trained)
    return publish(seal(info, contents), out or files.join(trained.run, "bundles", info.version))


def make(trained: Trained) -> tuple[BundleInfo, Contents]:
    """The description and files of a proven bundle, nothing written yet."""
    config = trained.config
    graphs, parity = _proven(trained.model, config)
    contents: Contents = {graph.info.file: graph.data for graph in graphs.values()}
    contents["weights.safetensors"] = _weights(trained.model)
    contents["config.yaml"] = dump(config).encode()
    created = datetime.now(UTC)
    info = _describe(trained, graphs, created, contents).model_copy(update={"parity": parity})
    judge(info, info.id)
    contents["card.md"] = card(info, config).encode()
    return BundleInfo.model_validate(info.model_dump() | {"files": digests(contents)}), contents


def _proven(model: AnyModel, config: Experiment) -> tuple[dict[Role, OnnxGraph], dict[str, Check]]:
    """The graphs of a network, and how they differ from it."""
    if isinstance(model, Extractor):
        mixtures = config.data.mixtures
        assert mixtures is not None, "the config has been checked"
        graphs = extract_graphs(model)
        sizes = {"mix_s": _clip_s(config), "reference_s": mixtures.reference_s[0]}
        return graphs, parity_extract.prove(model, graphs, config.export, **sizes)
    if isinstance(model, Enhancer):
        graphs = enhance_graphs(model)
        return graphs, parity_enhance.prove(model, graphs, config.export, item_s=_clip_s(config))
    graphs = export_graphs(model, split_features=config.export.split_features)
    sizes = {"clip_s": config.data.clip_s, "window_s": config.classifier.window_ms / 1000}
    return graphs, prove(model, graphs, config.export, **sizes)


def read_run(run_url: str) -> Trained:
    """A run's best checkpoint and what is known about it."""
    from sonant.data.corpus import Corpus
    from sonant.export.calibrate import calibrate
    from sonant.train import review_frames, review_vectors
    from sonant.train.run import open_run

    run = open_run(run_url)
    kind, metrics = run.config.task.kind, _metrics(run.path)
    fitted, errors = calibrate(run.path, test="test.ece" in metrics) if kind == "classify" else (1.0, {})
    model, config = nameless(run.load_model("best"), run.config)
    return Trained(
        model=model,
        config=config,
        labels=() if kind in ("embed", "extract", "enhance") else run.labels,
        metrics=metrics | errors,
        run=run.path,
        corpus_sha256=Corpus.open(run.config.data.corpus).hash,
        commit=_commit(run.path),
        temperature=fitted,
        points=review_frames.read_points(run.path) if kind == "detect" else None,
        verify=review_vectors.read_points(run.path) if kind == "embed" else None,
    )


def nameless(model: nn.Module, config: Experiment) -> tuple[AnyModel, Experiment]:
    """A network and its config without what only served to tell the training speakers apart, where there are such."""
    if isinstance(config.model, ExtractorConfig):
        without = config.model.model_copy(update={"speakers": None})
        bare = create(without)
        weights = model.state_dict()
        bare.load_state_dict({name: weights[name] for name in bare.state_dict()})
        return bare.train(model.training), without_speakers(config.model_copy(update={"model": without}))
    if config.task.kind == "embed":
        return Embedder(cast(Classifier, model)), without_speakers(config)
    return cast(Classifier | Enhancer, model), config


def without_speakers(config: Experiment) -> Experiment:
    """A config that does not say who was trained on: names are nobody's business but the run's."""
    return config.model_copy(update={"data": config.data.model_copy(update={"labels": None})})


def _describe(trained: Trained, graphs: Mapping[Role, OnnxGraph], created: datetime, contents: Contents) -> BundleInfo:
    config, model = trained.config, trained.model
    live = model if isinstance(model, Streaming | LiveExtractor | LiveEnhancer) else None
    detect = _detect(trained)
    delay = detect.layout.delay * detect.layout.frame if detect else 0
    hashes = digests(contents)
    # The second half of the version is made of the content: the same weights and graphs end on the same letters.
    content = hashlib.sha256(json.dumps(hashes).encode()).hexdigest()
    return BundleInfo(
        schema_version=1,
        name=config.name,
        version=f"{created:%Y%m%dt%H%M%S}-{content[:8]}",
        created=created.isoformat(timespec="seconds"),
        task=config.task.kind,
        labels=trained.labels,
        background=config.task.background,
        events=config.task.events,
        link=config.task.link,
        sample_rate_hz=model.sample_rate_hz,
        clip_s=_clip_s(config),
        hop=live.hop if live else None,
        latency=live.latency + delay if live else 0,
        window_ms=config.classifier.window_ms if config.task.kind == "classify" and live else 0.0,
        temperature=trained.temperature,
        detect=detect,
        embed=_embed(trained, graphs),
        extract=_extract(model, graphs),
        enhance=EnhanceInfo(grain=grain(model), tail=_tail(model)) if isinstance(model, Enhancer) else None,
        graphs={role: graph.info for role, graph in graphs.items()},
        metrics=dict(trained.metrics),
        parity={},
        provenance=Provenance(
            run=trained.run,
            commit=trained.commit,
            config_sha256=hashes["config.yaml"],
            corpus=config.data.corpus,
            corpus_sha256=trained.corpus_sha256,
            versions={library: version_of(library) for library in _LIBRARIES},
        ),
        files=hashes,
    )


def _detect(trained: Trained) -> DetectInfo | None:
    """Frames and operating points, of a detector."""
    from sonant import tasks

    grid = tasks.grid(trained.config, trained.labels, trained.model)
    if grid is None:
        return None
    assert trained.points is not None, "a detector's run has operating points"
    return DetectInfo(layout=grid.layout, points=dict(trained.points))


def _embed(trained: Trained, graphs: Mapping[Role, OnnxGraph]) -> EmbedInfo | None:
    """Size and operating points, of an embedder."""
    task = trained.config.task
    if not isinstance(task, EmbedTask):
        return None
    assert trained.verify is not None, "an embedder's run has operating points"
    size = graphs["model"].info.outputs[0].shape[-1]
    assert isinstance(size, int), "embeddings are of one size"
    return EmbedInfo(size=size, target=task.target, points=dict(trained.verify))


def _extract(model: AnyModel, graphs: Mapping[Role, OnnxGraph]) -> ExtractInfo | None:
    """Sizes of an extractor."""
    if not isinstance(model, Extractor):
        return None
    told = graphs["step" if "step" in graphs else "model"].info.outputs
    return ExtractInfo(
        voice_size=model.voice_size,
        presence="presence" in [tensor.name for tensor in told],
        grain=grain(model),
        tail=_tail(model),
    )


def _tail(model: Extractor | Enhancer) -> str | None:
    return model.tail if isinstance(model, LiveExtractor | LiveEnhancer) else None


def _clip_s(config: Experiment) -> float:
    """Length of what was trained on: clips, mixtures or noisy speech."""
    mixtures, noisy = config.data.mixtures, config.data.noisy
    longest = mixtures.mix_s if mixtures else noisy.item_s if noisy else None
    return longest or config.data.clip_s


def _weights(model: nn.Module) -> bytes:
    # Copies, because safetensors refuses tensors that share memory.
    return save({name: value.detach().clone().contiguous() for name, value in model.state_dict().items()})


def _metrics(run: str) -> dict[str, float]:
    """Metrics of the exported weights: `validation.accuracy`, `test.accuracy`, ..."""
    ends = [event for event in events.read(run) if event["kind"] == "end"]
    sources = {"validation": "best", "test": "test"}
    last = ends[-1] if ends else {}
    return {
        f"{split}.{name}": value
        for split, key in sources.items()
        for name, value in cast(dict[str, Any], last.get(key) or {}).items()
        if isinstance(value, float)
    }


def _commit(run: str) -> str | None:
    """The commit that trained the run; with a + when the tree had changes."""
    path = files.join(run, "environment.json")
    git: Any = files.read_json(path).get("git") if files.exists(path) else None
    return f"{git['commit']}{'+' if git['dirty'] else ''}" if git else None
