"""`sonant report`: one HTML file about a run, a sweep or folds, to keep or to mail; it needs nothing but a browser."""

from __future__ import annotations

from sonant.errors import RunError
from sonant.track import files, folds_page
from sonant.track.run_page import run_page
from sonant.track.sweep_page import sweep_page

FILE = "report.html"


def report(path: str, *, out: str | None = None) -> str:
    """Writes the page about a run, sweep or folds folder (or URL) and returns where: `out`, or report.html in it.

    Works while training goes on as well: it shows what there is.
    """
    folder = files.absolute(path).rstrip("/")
    kinds = {"sweep.json": sweep_page, "events.jsonl": run_page, folds_page.FILE: folds_page.folds_page}
    for name, make in kinds.items():
        if files.exists(files.join(folder, name)):
            target = files.absolute(out) if out is not None else files.join(folder, FILE)
            files.write_bytes(target, make(folder).encode())
            return target
    raise RunError("run.not_found", f"{path} is no run, sweep or folds: it holds no {' and no '.join(kinds)}")
