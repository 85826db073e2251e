from collections.abc import Callable

import torch

from sonant.config.experiment import Experiment
from sonant.config.tune import Limit
from sonant.tune.costs import costs


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
