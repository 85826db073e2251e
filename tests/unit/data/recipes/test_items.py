from sonant.data.recipes.items import Drawn, Fixed


class Numbers:
    """Recipes are pairs of numbers, items their names."""

    sample_rate_hz, window = 8000, 5

    def recipe(self, epoch: int, index: int) -> tuple[int, int]:
        return epoch, index

    def item(self, recipe: tuple[int, int]) -> str:
        return "{}-{}".format(*recipe)


def test_drawn_items_are_other_ones_each_epoch() -> None:
    items = Drawn(Numbers(), 7)
    assert (len(items), items.window, items.sample_rate_hz) == (7, 5, 8000)
    assert (items.item(0, 3), items.item(2, 3)) == ("0-3", "2-3")


def test_fixed_items_are_the_same_in_every_epoch() -> None:
    items = Fixed.drawn(Numbers(), 7)
    assert (len(items), items.window, items.sample_rate_hz) == (7, None, 8000)
    assert items.item(0, 3) == items.item(2, 3) == "0-3"
    assert Fixed([(4, 4)], str, 16_000).item(9, 0) == "(4, 4)"
