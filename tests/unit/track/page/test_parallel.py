import re
from xml.etree import ElementTree

from sonant.track.page.parallel import Line, parallel

LINES = [
    Line({"model": {"kind": "a", "width": 2}, "train.lr": 0.001, "accuracy": 0.5}, 0.0, "trial 0"),
    Line({"model": {"kind": "b"}, "model.tau": 1.5, "train.lr": 0.1, "accuracy": 0.9}, 1.0, "trial 1", best=True),
]
KEYS = [("model", False), ("model.tau", False), ("train.lr", True), ("accuracy", False)]


def test_each_trial_is_a_line_through_all_keys_and_the_best_is_on_top() -> None:
    markup = parallel("Trials", KEYS, LINES)
    ElementTree.fromstring(markup)
    paths = re.findall(r'<path d="([^"]*)" class="curve (s\d)"', markup)
    assert [style for _, style in paths] == ["s0", "s1"]
    assert all(path.count("L") == len(KEYS) - 1 for path, _ in paths)


def test_choices_are_named_and_what_a_trial_has_not_is_said() -> None:
    markup = parallel("Trials", KEYS, LINES)
    assert ">a 2<" in markup
    assert ">b<" in markup
    assert markup.count("not searched") == 1


def test_one_trial_is_enough() -> None:
    ElementTree.fromstring(parallel("Trials", [("accuracy", False)], LINES[:1]))
