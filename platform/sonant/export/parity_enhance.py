"""Proof that the bundle of an enhancement network computes what was trained: see `parity_sound`."""

from __future__ import annotations

from collections.abc import Mapping

from models.enhance.base import Enhancer
from sonant.config.export import ExportConfig
from sonant.export.onnx import OnnxGraph
from sonant.export.parity_sound import Subject, prove_sound
from sonant.runtime.info import Check, Role


def prove(
    model: Enhancer, graphs: Mapping[Role, OnnxGraph], config: ExportConfig, *, item_s: float
) -> dict[str, Check]:
    """Measures every check that the graphs call for; whether the errors are small enough is the caller's to judge."""
    assert not model.training, "parity is proven in evaluation mode"
    subject = Subject(model, model.forward, "noisy", item_s, held=lambda rows: {}, what="noisy speech")
    return prove_sound(subject, graphs, config)
