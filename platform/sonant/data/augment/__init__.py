"""Variation of training clips: parameters drawn on the CPU from (seed, epoch, row) alone, applied on any device.

`draw` gives the parameters of a batch of rows, `apply` changes their waves, `mix` blends items in pairs. What happens
to a clip does not depend on who else is in the batch, but for the partners of `mix`.
"""

from sonant.data.augment.apply import apply
from sonant.data.augment.draw import Draws, Placement, draw
from sonant.data.augment.mixup import Mix, draw_mix, mix, mix_waves

__all__ = ["Draws", "Mix", "Placement", "apply", "draw", "draw_mix", "mix", "mix_waves"]
