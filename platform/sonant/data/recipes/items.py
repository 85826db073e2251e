"""Where a loader's items come from: drawn anew for every epoch, or drawn once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar


class Spoken(Protocol):
    """A recipe."""

    @property
    def speaker(self) -> str:
        """Who is wanted, or heard; empty: unknown."""
        ...


R = TypeVar("R", bound=Spoken)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Items(Protocol[T_co]):
    """Items by number."""

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def window(self) -> int | None:
        """Samples that no item exceeds; None: unknown before they are made."""
        ...

    def __len__(self) -> int:
        """How many an epoch has."""
        ...

    def item(self, epoch: int, index: int) -> T_co: ...


class Listing(Items[T_co], Protocol[T_co]):
    """Items that are the same in every epoch, and whose speakers are known before they are made."""

    @property
    def speakers(self) -> Sequence[str]:
        """Who is wanted, or heard, in each; empty: unknown."""
        ...


class Maker(Protocol[R, T_co]):
    """Draws recipes of one side of a split, and makes items of them."""

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def window(self) -> int | None: ...

    def recipe(self, epoch: int, index: int) -> R:
        """One recipe of an epoch; the same each time."""
        ...

    def item(self, recipe: R) -> T_co: ...


class Drawn(Generic[R, T]):
    """`count` items an epoch, other ones each time."""

    def __init__(self, maker: Maker[R, T], count: int) -> None:
        self._maker, self._count = maker, count

    @property
    def sample_rate_hz(self) -> int:
        return self._maker.sample_rate_hz

    @property
    def window(self) -> int | None:
        return self._maker.window

    def __len__(self) -> int:
        return self._count

    def item(self, epoch: int, index: int) -> T:
        return self._maker.item(self._maker.recipe(epoch, index))


class Fixed(Generic[R, T]):
    """The same items in every epoch: those of a table, or some that were drawn once."""

    def __init__(self, recipes: Sequence[R], make: Callable[[R], T], sample_rate_hz: int) -> None:
        self.recipes, self._make, self._rate_hz = recipes, make, sample_rate_hz

    @property
    def speakers(self) -> Sequence[str]:
        return [recipe.speaker for recipe in self.recipes]

    @classmethod
    def drawn(cls, maker: Maker[R, T], count: int) -> Fixed[R, T]:
        """The first items of epoch 0."""
        return cls([maker.recipe(0, index) for index in range(count)], maker.item, maker.sample_rate_hz)

    @property
    def sample_rate_hz(self) -> int:
        return self._rate_hz

    @property
    def window(self) -> int | None:
        return None

    def __len__(self) -> int:
        return len(self.recipes)

    def item(self, epoch: int, index: int) -> T:
        return self._make(self.recipes[index])
