"""What a bundle holds and must prove."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.base import Section


class ExportConfig(Section):
    """Graphs of a bundle and the largest error that each may have."""

    split_features: bool = False
    """Also writes frontend.onnx and body.onnx, so that a split placement can extract features apart."""
    onnx_tolerance: Annotated[float, Field(gt=0)] = 1e-4
    """Largest difference between torch and ONNX outputs (logits)."""
    stream_tolerance: Annotated[float, Field(gt=0)] = 1e-5
    """Largest difference between streamed and offline outputs in torch (logits)."""
    store: str = "store"
    """Folder or URL of the store that `promote` writes to."""
