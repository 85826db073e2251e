"""What a loader of mixtures gives to a training step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from sonant.data.mix.items import Item
from sonant.data.recipes.padded import padded

UNKNOWN = -100
"""Number of a speaker who is none of those that the network learns to tell apart: losses leave it out."""


@dataclass(frozen=True)
class MixBatch:
    """Mixtures padded with zeros to one length, float32 in [-1, 1]. Letters: B batch, N samples, R of references,
    K other voices."""

    mix_BN: Tensor
    target_BN: Tensor
    """The wanted voice; zeros where the wanted speaker is absent."""
    ref_BR: Tensor
    ref_samples_B: Tensor
    """Samples of each reference; the others are padding."""
    mix_samples_B: Tensor
    """Likewise of each mixture."""
    speaker_B: Tensor
    """Number of the wanted speaker among those of the training set, or UNKNOWN."""
    present_B: Tensor
    """Whether the wanted speaker speaks."""
    row_B: Tensor
    """Number of each mixture among those of its side and epoch."""
    ids: tuple[str, ...]
    others_BKN: Tensor | None = None
    """The other voices, each for itself, silent ones to fill up; for evaluation only."""

    def __len__(self) -> int:
        return self.mix_BN.shape[0]

    def to(self, device: torch.device | str) -> MixBatch:
        tensors = {f.name: value for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}
        return replace(self, **{name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()})


def collate(
    items: Sequence[Item],
    speakers: Mapping[str, int],
    *,
    numbers: Sequence[int] | None = None,
    window: int | None = None,
    others: bool = False,
) -> MixBatch:
    """A batch as long as its longest mixture, or as `window`: of one shape in all batches. Without `numbers`, its items
    are the first ones."""
    mixes = [item.rendered.mix_N for item in items]
    refs = [item.rendered.ref_R for item in items]
    length = max([mix_N.size for mix_N in mixes] + [window or 0])
    return MixBatch(
        mix_BN=padded(mixes, length),
        target_BN=padded([item.rendered.target_N for item in items], length),
        ref_BR=padded(refs, max(ref_R.size for ref_R in refs)),
        ref_samples_B=torch.tensor([ref_R.size for ref_R in refs]),
        mix_samples_B=torch.tensor([mix_N.size for mix_N in mixes]),
        speaker_B=torch.tensor([speakers.get(item.speaker, UNKNOWN) for item in items]),
        present_B=torch.tensor([item.present for item in items]),
        row_B=torch.tensor(range(len(items)) if numbers is None else numbers),
        ids=tuple(item.id for item in items),
        others_BKN=_others(items, length) if others else None,
    )


def _others(items: Sequence[Item], length: int) -> Tensor:
    most = max(len(item.rendered.others_KN) for item in items)
    wav_BKN = np.zeros((len(items), most, length), np.float32)
    for row_KN, item in zip(wav_BKN, items, strict=True):
        others_KN = item.rendered.others_KN
        row_KN[: len(others_KN), : item.rendered.mix_N.size] = others_KN
    return torch.from_numpy(wav_BKN)
