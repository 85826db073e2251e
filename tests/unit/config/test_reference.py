"""The generated documents are what the code would write now."""

from __future__ import annotations

from pathlib import Path

from sonant.config import reference

DOCS = Path(__file__).parents[3] / "docs"


def test_documents_are_up_to_date() -> None:
    assert (DOCS / "configuration.md").read_text(encoding="ascii") == reference.configuration(), "run `make docs`"
    assert (DOCS / "errors.md").read_text(encoding="ascii") == reference.errors(), "run `make docs`"
