"""Where one process of a run works, and the few things that processes tell each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn


@dataclass(frozen=True)
class Place:
    """Device of this process, its rank and how many there are. More than one: the process group is already up."""

    device: torch.device = torch.device("cpu")
    rank: int = 0
    world: int = 1


def total(value: Tensor, place: Place) -> Tensor:
    """The sum over all processes, the same bits on each."""
    if place.world > 1:
        distributed.all_reduce(value)
    return value


def gather_rows(value: Tensor, place: Place) -> Tensor:
    """Joins tensors along dim 0, which may differ in length from rank to rank; all ranks get the whole."""
    if place.world == 1:
        return value
    length = torch.zeros(place.world, dtype=torch.long, device=value.device)
    length[place.rank] = len(value)
    lengths = [int(n) for n in total(length, place)]
    padded = value.new_zeros((max(lengths), *value.shape[1:]))
    padded[: len(value)] = value
    parts = [torch.empty_like(padded) for _ in range(place.world)]
    distributed.all_gather(parts, padded)
    return torch.cat([part[:n] for part, n in zip(parts, lengths, strict=True)])


@torch.no_grad()
def average_buffers(model: nn.Module, place: Place) -> None:
    """Replaces running statistics (batch norm) by their mean over all processes, each of which saw other clips.

    The mean is taken in float64, so that buffers which are equal everywhere keep every bit.
    """
    kept = model.state_dict()
    buffers = [value for name, value in model.named_buffers() if name in kept and value.is_floating_point()]
    if place.world == 1 or not buffers:
        return
    flat = total(torch.cat([buffer.flatten().double() for buffer in buffers]), place) / place.world
    for buffer, mean in zip(buffers, flat.split([buffer.numel() for buffer in buffers]), strict=True):
        buffer.copy_(mean.view_as(buffer))
