from collections.abc import Callable

import pytest
import torch

from sonant.config.experiment import Experiment
from sonant.config.load import check
from sonant.config.tune import Choice, Dimension, Limit, TuneConfig
from sonant.tune.costs import costs

MIX = {"mix_s": 2.0}


@pytest.mark.parametrize(
    ("model", "delay_ms"),
    [
        ({"kind": "causal_extractor", "latency_ms": 10}, 10.0),
        ({"kind": "spexplus_short"}, 300.0),
        ({"kind": "spexplus_short", "segment": {"mode": "nonintersec"}}, 300.0),
        ({"kind": "spexplus"}, 2000.0),
    ],
)
def test_delay_is_what_a_sample_waits_for(model: dict[str, object], delay_ms: float) -> None:
    small = {**model, "channels": 8, "hidden": 8, "voice_size": 4, "stacks": 1, "blocks": 1}
    data = {"corpus": "c", "mixtures": MIX}
    cfg = check(Experiment, {"name": "x", "task": {"kind": "extract"}, "model": small, "data": data})
    space: dict[str, Dimension] = {"train.lr": Choice(values=(0.1,))}
    assert costs(cfg, TuneConfig(space=space, pareto=("delay_ms",)))["delay_ms"] == pytest.approx(delay_ms)
    assert "delay_ms" not in costs(cfg, TuneConfig(space=space))


def resolved(cfg: Experiment, **model: object) -> Experiment:
    return cfg.model_copy(update={"model": cfg.model.model_copy(update={"outputs": 3, **model})})


def test_bigger_networks_cost_more(searched: Callable[..., Experiment]) -> None:
    cfg = searched()
    assert cfg.tune is not None
    for causal in (False, True):
        small = costs(resolved(cfg, causal=causal, width=0.25), cfg.tune)
        large = costs(resolved(cfg, causal=causal, width=1.0), cfg.tune)
        assert set(small) == {"params", "macs_per_s"}
        assert all(small[name] < large[name] for name in small)


def test_latency_is_measured_only_when_it_matters_and_on_one_thread(searched: Callable[..., Experiment]) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    for asked in (searched(pareto=["latency_ms"]), searched(limits=[Limit(metric="latency_ms", max=1e9).model_dump()])):
        assert asked.tune is not None
        assert costs(resolved(asked), asked.tune)["latency_ms"] > 0
    assert torch.get_num_threads() == before + 1
    torch.set_num_threads(before)
