from xml.etree import ElementTree

import numpy as np

from sonant.track.page.matrix import confusion, most_confused

COUNTS = np.array([[8, 2, 0], [0, 5, 0], [1, 3, 0]])


def test_mistakes_are_ranked_and_zeros_left_out() -> None:
    assert most_confused(["a", "b", "c"], COUNTS, 8) == [("c", "b", 3, 0.75), ("a", "b", 2, 0.2), ("c", "a", 1, 0.25)]
    assert most_confused(["a", "b"], np.eye(2, dtype=int), 8) == []


def test_cells_say_what_they_are() -> None:
    markup = confusion("Test", ["a", "<b>", "c"], COUNTS)
    assert "a heard as &lt;b&gt;: 2 (20.0 %)" in markup
    cells = [box for box in ElementTree.fromstring(markup).iter("rect") if box.get("class") in {"cell", "wrong"}]
    assert [box.get("class") for box in cells] == ["cell", "wrong", "cell", "wrong", "wrong"]
    assert max(cells, key=lambda box: float(box.get("fill-opacity", "0"))).get("class") == "cell"


def test_many_labels_and_empty_rows_still_make_a_picture() -> None:
    size = 60
    ElementTree.fromstring(confusion("Test", [f"label{n}" for n in range(size)], np.eye(size, dtype=int)))
    ElementTree.fromstring(confusion("Test", ["a", "b"], np.zeros((2, 2), dtype=int)))
