"""The extractor as ONNX graphs: any batch, any length, whole clips and streams, the same numbers."""

from __future__ import annotations

import io
from importlib.util import find_spec
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.export import Dim

from models.features import Extractor, FeatureConfig
from models.streaming import State

if any(find_spec(name) is None for name in ("onnxruntime", "onnxscript")):
    pytest.skip("the export and cpu extras are not installed", allow_module_level=True)

import onnxruntime as ort

# Deprecations inside the exporter itself, and its note that axes share a name, which is what we ask for.
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:# The axis name:UserWarning"),
]


class Step(nn.Module):
    """forward(chunk, state) for the exporter."""

    def __init__(self, extractor: Extractor) -> None:
        super().__init__()
        self.extractor = extractor

    def forward(self, chunk_BN: Tensor, state: State) -> tuple[Tensor, State]:
        return self.extractor.step(chunk_BN, state)


def build(options: dict[str, Any], causal: bool) -> Extractor:
    extractor = Extractor(FeatureConfig(**options), causal)
    extractor.switch_dft("conv")
    return extractor.eval()


def export(model: nn.Module, args: tuple[Any, ...], shapes: Any, inputs: list[str], outputs: list[str]) -> Any:
    program = torch.onnx.export(
        model.eval(),
        args,
        input_names=inputs,
        output_names=outputs,
        dynamic_shapes=shapes,
        dynamo=True,
        opset_version=18,
        verbose=False,
    )
    assert program is not None
    graph = io.BytesIO()
    program.save(graph)
    return ort.InferenceSession(graph.getvalue(), providers=["CPUExecutionProvider"])


def noise(rows: int, samples: int) -> Tensor:
    return 0.1 * torch.randn(rows, samples, generator=torch.Generator().manual_seed(samples))


@pytest.mark.parametrize(
    ("options", "causal"),
    [
        pytest.param({"kind": "raw", "norm": "clip_var", "preemphasis": 0.97}, False, id="raw"),
        pytest.param({"kind": "spectrogram", "compress": "none", "norm": "none"}, False, id="spectrogram"),
        pytest.param({}, False, id="log-mel"),
        pytest.param({"kind": "mfcc", "norm": "clip_var", "deltas": 2}, False, id="mfcc"),
        pytest.param({"compress": "pcen", "norm": "causal"}, False, id="pcen"),
        pytest.param({"kind": "spectral"}, False, id="spectral"),
        pytest.param({"compress": "db", "norm": "peak"}, False, id="peak"),
        pytest.param({"preemphasis": 0.97, "deltas": 1}, True, id="causal log-mel"),
    ],
)
@torch.no_grad()
def test_whole_clip_graph(options: dict[str, Any], causal: bool) -> None:
    extractor = build(options, causal)
    shapes = ({0: Dim("batch"), 1: Dim("samples", min=3200)},)
    graph = export(extractor, (noise(2, 5000),), shapes, ["wav"], ["features"])
    for rows, samples in ((1, 3200), (3, 7777), (1, 48011)):
        wav_BN = noise(rows, samples)
        got = torch.from_numpy(graph.run(None, {"wav": wav_BN.numpy()})[0])
        torch.testing.assert_close(got, extractor(wav_BN), rtol=1e-5, atol=1e-4)
    assert graph.get_inputs()[0].shape == ["batch", "samples"]


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="log-mel"),
        pytest.param({"kind": "mfcc", "deltas": 2, "preemphasis": 0.97}, id="mfcc"),
        pytest.param({"kind": "spectrogram", "compress": "pcen"}, id="pcen spectrogram"),
        pytest.param({"kind": "spectral"}, id="spectral"),
    ],
)
@torch.no_grad()
def test_step_graph(options: dict[str, Any]) -> None:
    """Exported from a short chunk, run on one frame and on many blocks of the recurrence."""
    extractor = build(options, causal=True)
    state = extractor.init_state(2)
    shapes = ({0: Dim("rows"), 1: extractor.hop * Dim("frames", max=4096)}, {name: {0: Dim("rows")} for name in state})
    names = [f"in.{name}" for name in state], [f"out.{name}" for name in state]
    # A dict in last place would be taken for keyword arguments: an empty one after it is.
    example = (noise(2, 3 * extractor.hop), state, {})
    graph = export(Step(extractor), example, shapes, ["chunk", *names[0]], ["features", *names[1]])
    wav_BN = noise(5, 300 * extractor.hop)
    values, out, start = [value.numpy() for value in extractor.init_state(5).values()], [], 0
    for frames in (1, 1, 2, 31, 33, 132, 100):
        chunk_BN = wav_BN[:, start : start + frames * extractor.hop]
        feat_BFT, *values = graph.run(None, {"chunk": chunk_BN.numpy(), **dict(zip(names[0], values, strict=True))})
        out.append(torch.from_numpy(feat_BFT))
        start += frames * extractor.hop
    torch.testing.assert_close(torch.cat(out, -1), extractor(wav_BN), rtol=0, atol=1e-4)
