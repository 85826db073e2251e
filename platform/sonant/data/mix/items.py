"""Where a loader's mixtures come from: drawn anew for every epoch, drawn once, or lists of files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sonant.data.corpus import Corpus
from sonant.data.mix.mixer import Mixer
from sonant.data.mix.recipe import Recipe
from sonant.data.mix.render import Rendered, render


class Item(NamedTuple):
    """One mixture, with what is known about it."""

    id: str
    speaker: str
    """Who is wanted; empty: unknown."""
    present: bool
    rendered: Rendered


class Items(Protocol):
    """Mixtures by number."""

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def window(self) -> int | None:
        """Samples that no mixture exceeds; None: unknown before they are made."""
        ...

    def __len__(self) -> int:
        """How many an epoch has."""
        ...

    def item(self, epoch: int, index: int) -> Item: ...


class Listing(Items, Protocol):
    """Mixtures that are the same in every epoch, and whose wanted speakers are known before they are made."""

    @property
    def speakers(self) -> Sequence[str]:
        """Who is wanted in each; empty: unknown."""
        ...


class Drawn:
    """`count` mixtures an epoch, other ones each time."""

    def __init__(self, mixer: Mixer, count: int) -> None:
        self._mixer, self._count = mixer, count

    @property
    def sample_rate_hz(self) -> int:
        return self._mixer.corpus.sample_rate_hz

    @property
    def window(self) -> int | None:
        mix_s = self._mixer.cfg.mix_s
        return None if mix_s is None else int(mix_s * self.sample_rate_hz)

    def __len__(self) -> int:
        return self._count

    def item(self, epoch: int, index: int) -> Item:
        recipe = self._mixer.recipe(epoch, index)
        return Item(recipe.id, recipe.speaker, recipe.present, self._mixer.render(recipe))


class Fixed:
    """The same mixtures in every epoch: those of a table, or some that were drawn once."""

    def __init__(self, recipes: Sequence[Recipe], corpus: Corpus, noise: Corpus | None = None) -> None:
        self.recipes, self._corpus, self._noise = recipes, corpus, noise

    @property
    def speakers(self) -> Sequence[str]:
        return [recipe.speaker for recipe in self.recipes]

    @classmethod
    def drawn(cls, mixer: Mixer, count: int) -> Fixed:
        """The first mixtures of epoch 0."""
        return cls([mixer.recipe(0, index) for index in range(count)], mixer.corpus, mixer.noise)

    @property
    def sample_rate_hz(self) -> int:
        return self._corpus.sample_rate_hz

    @property
    def window(self) -> int | None:
        return None

    def __len__(self) -> int:
        return len(self.recipes)

    def item(self, epoch: int, index: int) -> Item:
        recipe = self.recipes[index]
        return Item(recipe.id, recipe.speaker, recipe.present, render(recipe, self._corpus, self._noise))
