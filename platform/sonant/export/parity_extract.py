"""Proof that the bundle of an extractor computes what was trained: all of `parity_sound`, and

enroll    torch on references                against enroll.onnx, over batch sizes x lengths x kinds of sound
padding   enroll.onnx on padded references   against each reference alone, whatever the padding holds
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from models.extract.base import Extractor
from sonant.config.export import ExportConfig
from sonant.export.onnx import OnnxGraph
from sonant.export.onnx_sound import grain
from sonant.export.parity import largest, measured
from sonant.export.parity_sound import CPU, QUIET, Subject, multiple, prove_sound, waves
from sonant.export.signals import Floats, batch
from sonant.runtime.graph import Graph
from sonant.runtime.info import Check, Role


def prove(
    model: Extractor, graphs: Mapping[Role, OnnxGraph], config: ExportConfig, *, mix_s: float, reference_s: float
) -> dict[str, Check]:
    """Measures every check that the graphs call for; whether the errors are small enough is the caller's to judge."""
    assert not model.training, "parity is proven in evaluation mode"

    def voices(rows: int) -> dict[str, Tensor]:
        samples = multiple(reference_s * model.sample_rate_hz, grain(model))
        with torch.no_grad():
            return {"voice": model.enroll(torch.from_numpy(batch(rows, samples, model.sample_rate_hz, first=1)))}

    enroll, onnx = graphs["enroll"], config.onnx_tolerance
    checks = {
        "enroll": measured("torch and enroll.onnx on references", onnx, _enroll(model, enroll, reference_s)),
        "padding": measured("enroll.onnx on padded references and alone", onnx, _padding(model, enroll, reference_s)),
    }
    return checks | prove_sound(Subject(model, model.extract, "mix", mix_s, voices, "mixtures"), graphs, config)


def _enroll(model: Extractor, graph: OnnxGraph, seconds: float) -> Iterator[float]:
    session = Graph(graph.data, providers=CPU)
    for ref_BR in waves(model, seconds):
        samples_B = _lengths(ref_BR)
        voice_BE = session.run({"ref": ref_BR, "ref_samples": samples_B})[0]
        with torch.no_grad():
            wanted_BE = model.enroll(torch.from_numpy(ref_BR), torch.from_numpy(samples_B))
        yield largest(voice_BE, wanted_BE.numpy(), QUIET)


def _padding(model: Extractor, graph: OnnxGraph, seconds: float) -> Iterator[float]:
    session = Graph(graph.data, providers=CPU)
    for ref_BR in waves(model, seconds):
        samples_B = _lengths(ref_BR)
        noisy_BR = np.pad(ref_BR, ((0, 0), (0, 50 * grain(model))), constant_values=0.5)
        together_BE = session.run({"ref": noisy_BR, "ref_samples": samples_B})[0]
        for row, samples in enumerate(samples_B.tolist()):
            alone_1R = ref_BR[row : row + 1, : -(-samples // grain(model)) * grain(model)]
            alone_1E = session.run({"ref": alone_1R, "ref_samples": samples_B[row : row + 1]})[0]
            yield largest(together_BE[row : row + 1], alone_1E, QUIET)


def _lengths(ref_BR: Floats) -> np.ndarray:
    """Of references: the whole, and less and less of it down to a sample."""
    rows, samples = ref_BR.shape
    return np.array([samples, *np.linspace(samples, 1, rows)[1:].round()][:rows], np.int64)
