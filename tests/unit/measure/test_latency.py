import numpy as np
import pytest

from models.classify.base import LiveClassifier
from models.spec import create, parse
from sonant.measure import latency
from sonant.runtime.graph import Graph


def model() -> LiveClassifier:
    built = create(parse({"kind": "tc_resnet", "outputs": 2, "causal": True})).eval()
    assert isinstance(built, LiveClassifier)
    return built


def test_runs_are_counted_without_the_warm_up() -> None:
    calls: list[int] = []
    measured = latency.of_call(lambda: calls.append(1), audio_s=0.5, runs=7, warmup=2)
    assert len(calls) == 9
    assert measured.runs == 7
    assert measured.audio_ms == 500.0


def test_percentiles_are_in_order_and_make_the_real_time_factor() -> None:
    measured = latency.of_call(lambda: sum(range(1000)), audio_s=0.5)
    assert 0 < measured.p50_ms <= measured.p95_ms <= measured.p99_ms
    assert measured.real_time_factor == pytest.approx(measured.p50_ms / 500)


def test_clips_and_streams() -> None:
    assert latency.of_clip(model(), 0.5, rows=2, runs=2, warmup=1).audio_ms == 500.0
    assert latency.of_stream(model(), hops=3, rows=2, runs=2, warmup=1).audio_ms == 240.0


def test_a_second_of_noisy_speech() -> None:
    quiet = create(parse({"kind": "dual_path", "channels": 8, "hidden": 8})).eval()
    assert latency.of_model(quiet, runs=2, warmup=1).audio_ms == 1000.0


def test_graphs() -> None:
    import onnx
    from onnx import TensorProto, helper

    wave = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", "N"]) for name in ("wav", "out")]
    graph = helper.make_graph([helper.make_node("Abs", ["wav"], ["out"])], "abs", wave[:1], wave[1:])
    opsets = [helper.make_opsetid("", 18)]
    data = helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString()
    assert onnx.load_from_string(data).graph.name == "abs"
    feeds = {"wav": np.zeros((1, 1600), np.float32)}
    measured = latency.of_graph(Graph(data, providers=("CPUExecutionProvider",)), feeds, audio_s=0.1, runs=3)
    assert measured.audio_ms == 100.0
