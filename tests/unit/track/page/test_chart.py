import math
import re
from xml.etree import ElementTree

import numpy as np

from sonant.track.page.chart import Dot, Series, bars, curves, scatter, thinned


def paths(markup: str) -> list[str]:
    return re.findall(r'<path d="([^"]*)"', markup)


def test_curves_have_a_gap_where_nothing_is_known() -> None:
    line = Series("loss", [(0, 1.0), (1, math.nan), (2, 0.5), (3, 0.4)])
    [path] = paths(curves("Loss", [line, Series("empty", [])], x_name="epoch"))
    assert path.count("M") == 2
    assert "nan" not in path


def test_a_legend_names_curves_that_are_not_in_the_back() -> None:
    lines = [Series("a", [(0, 1)], 0), Series("b", [(0, 2)], 1), Series("c", [(0, 3)], 2, thin=True)]
    markup = curves("Loss", lines, x_name="epoch")
    assert [name in markup for name in (">a<", ">b<", ">c<")] == [True, True, False]


def test_charts_are_well_formed_and_escape_names() -> None:
    dots = [Dot(1e3, 0.5, "trial <1>", full=True), Dot(1e6, 0.7, "trial 2")]
    for markup in (
        curves("<a>", [Series("<b>", [(0, 1), (1, 2)]), Series("c", [(0, 1)])], x_name="<x>"),
        scatter("s", dots, x_name="macs", log=True, front=[(1e3, 0.5), (1e6, 0.7)], limit=5e5),
        scatter("s", dots[:1], x_name="macs"),
        bars("shares", [("<key>", 0.5), ("other", 0.0)]),
        curves("nothing", [], x_name="epoch"),
    ):
        ElementTree.fromstring(markup)
        assert "<key>" not in markup


def test_long_curves_are_thinned_without_losing_their_shape() -> None:
    points = [(float(x), np.sin(x / 500)) for x in range(10_000)]
    few = thinned(points)
    assert len(few) == 400
    assert max(abs(y - np.sin(x / 500)) for x, y in few) < 0.01
    assert thinned(points[:10]) == points[:10]
