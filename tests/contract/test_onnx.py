"""The graphs of every network give what torch gives, for sizes other than those of the export."""

import numpy as np
import pytest
import torch
from torch import Tensor

from sonant.runtime.graph import Graph, StepGraph, initial_state

CPU = ("CPUExecutionProvider",)


def test_clip_graph_equals_torch(trained, clip_graph, same, wav_BN: Tensor) -> None:
    graph = Graph(clip_graph.data, providers=CPU)
    assert all(isinstance(size, str) for size in graph.inputs[0].shape)
    for rows, samples in ((1, 3200), (3, 20_001), (2, 16_000)):
        clip_BN = wav_BN[:rows, :samples]
        (logits_BK,) = graph.run({"wav": clip_BN.numpy()})
        same(torch.from_numpy(logits_BK), trained.model(clip_BN), 1e-4)


def test_graphs_split_at_the_features_equal_torch(split, same, wav_BN: Tensor) -> None:
    model, frontend, body = split
    for rows, samples in ((1, 3200), (2, 16_000)):
        clip_BN = wav_BN[:rows, :samples]
        (feat_BFT,) = Graph(frontend.data, providers=CPU).run({"wav": clip_BN.numpy()})
        (logits_BK,) = Graph(body.data, providers=CPU).run({"features": feat_BFT})
        same(torch.from_numpy(logits_BK), model(clip_BN), 1e-4)


@pytest.mark.parametrize("rows", [1, 2])
def test_step_graph_streams_like_torch(live, step_graph, same, wav_BN: Tensor, rows: int) -> None:
    """The state goes round through the graph for 20 steps and more, with chunks that change in size."""
    graph = StepGraph(step_graph.data, step_graph.info.state, providers=CPU)
    stream_BN = wav_BN[:rows].repeat(1, 3)
    total = stream_BN.shape[1] // live.hop
    state, parts, start = initial_state(step_graph.info.state, rows), [], 0
    while start < total:
        hops = min(1 + len(parts) % 3, total - start)
        chunk_BN = stream_BN[:, start * live.hop : (start + hops) * live.hop].numpy()
        logits_BFK, state = graph.step(chunk_BN, state)
        parts.append(logits_BFK)
        start += hops
    assert len(parts) >= 20
    same(torch.from_numpy(np.concatenate(parts, 1)), live.offline(stream_BN), 1e-4)


def test_step_graph_holds_the_state_of_the_network(live, step_graph) -> None:
    ours = {name: tuple(value.shape[1:]) for name, value in live.init_state(1).items()}
    assert {part.name: part.shape for part in step_graph.info.state} == ours
    assert torch.tensor([part.fill for part in step_graph.info.state]).isfinite().all()
