"""HTML as text that is always escaped, and the frame that all pages share.

Labels, ids and notes come from other people's data: `Html` marks what is markup already, everything else is escaped
when it is put in. The page's own policy forbids scripts and other hosts, should anything ever slip through.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from importlib import resources

_VOID = {"meta", "img", "rect", "line", "path", "circle"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"


class Html(str):
    """Text that is markup."""

    __slots__ = ()


Content = str | Html | Iterable["Content"]


def markup(content: Content) -> Html:
    """Escapes what is not markup, and joins."""
    if isinstance(content, Html):
        return content
    if isinstance(content, str):
        return Html(html.escape(content))
    return Html("".join(markup(part) for part in content))


def tag(name: str, /, *content: Content, **attributes: str | float | None) -> Html:
    """An element. `cls` is the class, underscores in names become dashes, attributes that are None are left out."""
    written = "".join(
        f' {"class" if key == "cls" else key.replace("_", "-")}="{html.escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID and not content:
        return Html(f"<{name}{written}>" if name in {"meta", "img"} else f"<{name}{written}/>")
    return Html(f"<{name}{written}>{markup(content)}</{name}>")


def page(title: str, *sections: Content) -> str:
    """A whole page."""
    style = resources.files("sonant.track.page").joinpath("style.css").read_text(encoding="ascii")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Html(style)),
    )
    return "<!doctype html>\n" + tag("html", head, tag("body", tag("main", *sections)), lang="en")


def section(title: str, *content: Content, about: str = "") -> Html:
    """A part of a page under a heading; `about` says how to read it."""
    note = tag("p", about, cls="about") if about else ""
    return tag("section", tag("h2", title), note, *content)


def table(head: Sequence[str], rows: Iterable[Sequence[Content]], *, marked: frozenset[int] = frozenset()) -> Html:
    """A table; rows with an index in `marked` stand out. Cells that start with a digit are set to the right."""
    body = [
        tag("tr", *(tag("td", cell, cls=_side(cell)) for cell in row), cls="marked" if index in marked else None)
        for index, row in enumerate(rows)
    ]
    top = tag("tr", *(tag("th", name) for name in head))
    return tag("div", tag("table", tag("thead", top), tag("tbody", *body)), cls="scroll")


def tiles(figures: Iterable[tuple[str, str, str]]) -> Html:
    """The few figures that matter most: what, how much, and a small remark."""
    return tag(
        "div",
        *(
            tag("div", tag("b", value), tag("span", name), tag("small", note), cls="tile")
            for name, value, note in figures
        ),
        cls="tiles",
    )


def fold(title: str, *content: Content) -> Html:
    """Something to open."""
    return tag("details", tag("summary", title), *content)


def data_uri(data: bytes, kind: str) -> str:
    """Bytes as an address that needs no other host."""
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"


def number(value: float | None) -> str:
    """Four digits with k, M or G; a dash for what is not known."""
    if value is None or value != value:
        return "-"
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / (1e3 if prefix == 'k' else size):.3g}{prefix}"
    return f"{value:.4g}"


def duration(seconds: float) -> str:
    """3725 as 1 h 02 min."""
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _side(cell: Content) -> str | None:
    return "number" if isinstance(cell, str) and cell[:1].isdigit() else None


def _text(value: str | float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
