"""Files of the console: a fixed set by name, and pages that may load nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import Request

from sonant.edge.static import Files
from sonant.errors import RequestError


@pytest.fixture
def files(tmp_path: Path) -> Files:
    folder = tmp_path / "console"
    folder.mkdir()
    (folder / "index.html").write_text("<p>hello</p>", encoding="ascii")
    (folder / "app.js").write_text("1;", encoding="ascii")
    (folder / "notes.txt").write_text("not served", encoding="ascii")
    (tmp_path / "secret.html").write_text("outside", encoding="ascii")
    return Files(folder)


def request(path: str = "/", headers: dict[str, str] | None = None) -> Request:
    raw = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    return Request({"type": "http", "method": "GET", "path": path, "headers": raw, "server": ("here", 80)})


def test_files_come_with_their_type_and_a_strict_policy(files: Files) -> None:
    answer = files.answer(request(), "index.html")
    assert bytes(answer.body) == b"<p>hello</p>"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert files.answer(request(), "app.js").headers["content-type"].startswith("text/javascript")


def test_what_the_browser_has_is_not_sent_again(files: Files) -> None:
    tag = files.answer(request(), "app.js").headers["etag"]
    again = files.answer(request(headers={"if-none-match": tag}), "app.js")
    assert (again.status_code, bytes(again.body)) == (304, b"")


OTHERS = ["", "no.js", "notes.txt", "../secret.html", "..%2fsecret.html", "/etc/passwd", "APP.JS", "app.js\0"]


@pytest.mark.parametrize("name", OTHERS)
def test_nothing_else_exists(files: Files, name: str) -> None:
    with pytest.raises(RequestError) as caught:
        files.answer(request(f"/console/{name}"), name)
    assert caught.value.code == "request.not_found"
