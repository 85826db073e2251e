import math

from sonant.track.page.html import Html, data_uri, duration, markup, number, page, table, tag


def test_what_is_not_markup_is_escaped() -> None:
    assert tag("b", "<i>&", title='"') == '<b title="&quot;">&lt;i&gt;&amp;</b>'
    assert tag("b", Html("<i>")) == "<b><i></b>"
    assert markup(["<", [Html("<br>"), ">"]]) == "&lt;<br>&gt;"


def test_attributes() -> None:
    assert tag("line", cls="axis", x1=1.504, x2=2.0, data_name=None) == '<line class="axis" x1="1.5" x2="2"/>'
    assert tag("meta", http_equiv="X") == '<meta http-equiv="X">'
    assert tag("audio", "", controls="controls") == '<audio controls="controls"></audio>'


def test_a_page_may_run_nothing_and_ask_nobody() -> None:
    text = page("<title>", tag("p", "x"))
    assert text.startswith("<!doctype html>\n<html")
    assert "<title>&lt;title&gt;</title>" in text
    assert "default-src &#x27;none&#x27;" in text
    assert "http://" not in text
    assert "https://" not in text
    assert "prefers-color-scheme: dark" in text


def test_tables_mark_rows_and_set_numbers_apart() -> None:
    text = table(["a", "b"], [["x", "1.5"], ["y", tag("i", "2")]], marked=frozenset({1}))
    assert '<td>x</td><td class="number">1.5</td>' in text
    assert '<tr class="marked"><td>y</td>' in text


def test_figures_for_people() -> None:
    values = [0.123456, 9999.0, 12_345.0, 2_437_925.0, 5e9, None, math.nan, 0.0]
    assert [number(value) for value in values] == ["0.1235", "9999", "12.3k", "2.44M", "5G", "-", "-", "0"]
    assert [duration(s) for s in (0.5, 59.0, 61.0, 3725.0)] == ["0.5 s", "59 s", "1 min", "1 h 02 min"]


def test_data_uri() -> None:
    assert data_uri(b"abc", "image/png") == "data:image/png;base64,YWJj"
