"""A residual that streams: what a block computes is added to what goes past it."""

from __future__ import annotations

from torch import Tensor, nn

from models.streaming import Chain, State, child, nest


class Residual(nn.Module):
    """join(main(x) + shortcut(x)); an empty shortcut passes x itself, and no join leaves the sum as it is."""

    def __init__(self, main: Chain, shortcut: Chain | None = None, join: nn.Module | None = None) -> None:
        super().__init__()
        self.main = main
        self.shortcut = Chain() if shortcut is None else shortcut
        self.join = nn.Identity() if join is None else join

    def forward(self, x: Tensor) -> Tensor:
        return self.join(self.main(x) + self.shortcut(x))

    def init_state(self, rows: int) -> State:
        return nest("main", self.main.init_state(rows)) | nest("shortcut", self.shortcut.init_state(rows))

    def step(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        main, after = self.main.step(x, child("main", state))
        shortcut, after_shortcut = self.shortcut.step(x, child("shortcut", state))
        return self.join(main + shortcut), nest("main", after) | nest("shortcut", after_shortcut)
