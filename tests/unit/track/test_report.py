import re
from pathlib import Path

import pytest

from sonant.errors import RunError
from sonant.track.report import report


def test_the_report_is_one_file_that_needs_no_other(tiny_run: Path, tmp_path: Path) -> None:
    out = tmp_path / "page.html"
    assert report(str(tiny_run), out=str(out)) == str(out)
    text = out.read_text()
    assert not re.findall(r"""(?:src|href)="(?!data:)""", text)
    assert "url(" not in text
    assert "@import" not in text


def test_without_a_place_it_goes_into_the_folder(tiny_run: Path) -> None:
    written = Path(report(f"{tiny_run}/"))
    assert written == tiny_run / "report.html"
    written.unlink()


def test_a_folder_that_is_neither_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no run, sweep or folds"):
        report(str(tmp_path))
