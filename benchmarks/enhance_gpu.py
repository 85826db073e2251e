"""Training on a GPU: steps and seconds of sound a second, and what share of the device's peak that is.

Batches are random and lie on the device: it is told what the network and its loss cost, not the drawing of items. The
share counts multiply-adds of the network alone, three times those of its answer, against the peak of dense products of
the precision in use; the rest is memory, small operators and recurrence.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from enhance_lines import markdown

from models.enhance.base import Enhancer
from models.spec import create
from sonant import tasks
from sonant.config.experiment import Experiment
from sonant.config.load import load
from sonant.data.noisy.batch import NoisyBatch
from sonant.measure import macs
from sonant.train.loop import make_optimizer

CONFIGS = {"dual_path": "enhance/dual_path", "demucs H48": "enhance/demucs"}
BATCHES = {"dual_path": (16, 128), "demucs H48": (16, 64)}
ITEM_S = 4.0
PRECISIONS = ("fp32", "tf32", "bf16")
PEAKS = {
    "H200": {"fp32": 66.9e12, "tf32": 494.7e12, "bf16": 989.4e12},
    "H100": {"fp32": 66.9e12, "tf32": 494.7e12, "bf16": 989.4e12},
    "A100": {"fp32": 19.5e12, "tf32": 156e12, "bf16": 312e12},
}
"""Operations a second of dense products, by the makers' tables of the SXM modules."""


def gpu(seconds: float, device: str = "cuda") -> str:
    """Markdown; says so where there is no such device."""
    if device == "cuda" and not torch.cuda.is_available():
        return "no CUDA device here: training in fp32, tf32 and bf16 on a GPU cannot be measured"
    name = torch.cuda.get_device_name() if device == "cuda" else device
    cells = [
        [network, batch, precision, *figures(network, batch, precision, seconds, device, name)]
        for network in CONFIGS
        for batch in BATCHES[network]
        for precision in PRECISIONS
    ]
    head = ["network", "batch of 4 s", "precision", "steps/s", "sound s/s", "TFLOP/s", "share of peak", "GiB at most"]
    return f"{name}, torch {torch.__version__}\n\n{markdown(head, cells)}"


def figures(network: str, batch: int, precision: str, seconds: float, device: str, name: str) -> list[Any]:
    """One measurement, after a few steps to warm up."""
    config: Experiment = load(Experiment, CONFIGS[network])
    torch.manual_seed(0)
    model = create(config.model)
    assert isinstance(model, Enhancer)
    flops = 3 * 2 * macs.of_model(model).network * ITEM_S * batch
    model = model.to(device).train()
    step = stepper(config, model, batch, precision, device)
    synchronize = torch.cuda.synchronize if device == "cuda" else _nothing
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    for _ in range(3):
        step()
    synchronize()
    began, steps = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        step()
        # Steps are queued faster than they are done.
        synchronize()
        steps += 1
    pace = steps / (time.perf_counter() - began)
    peak = next((peaks[precision] for maker, peaks in PEAKS.items() if maker in name), None)
    share = "-" if peak is None else f"{pace * flops / peak:.1%}"
    memory = torch.cuda.max_memory_allocated() / (1 << 30) if device == "cuda" else 0.0
    return [f"{pace:.2f}", f"{pace * batch * ITEM_S:.0f}", f"{pace * flops / 1e12:.2f}", share, f"{memory:.1f}"]


def stepper(config: Experiment, model: Enhancer, batch: int, precision: str, device: str) -> Any:
    """One step of training as the loop does it."""
    torch.set_float32_matmul_precision("highest" if precision == "fp32" else "high")
    torch.backends.cudnn.allow_tf32 = precision != "fp32"
    task, optimizer = tasks.create(config.task, (), ()), make_optimizer(model, config.train)
    inputs = made(batch, round(ITEM_S * model.sample_rate_hz)).to(device)
    parameters = list(model.parameters())
    autocast = precision == "bf16"

    def step() -> None:
        with torch.autocast(device, torch.bfloat16, enabled=autocast):
            loss = task.loss(model, inputs)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def made(batch: int, samples: int) -> NoisyBatch:
    """Random sound that would be noisy speech at 0 dB."""
    clean_BN, noise_BN = 0.1 * torch.randn(2, batch, samples)
    return NoisyBatch(
        row_B=torch.arange(batch),
        noisy_BN=clean_BN + noise_BN,
        clean_BN=clean_BN,
        samples_B=torch.full((batch,), samples),
        snr_db_B=torch.zeros(batch),
        ids=("",) * batch,
    )


def _nothing() -> None:
    pass
