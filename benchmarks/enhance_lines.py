"""The lines of docs/enhance.jsonl, one a system that was judged, and what they amount to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sonant.metrics.summary import Mean, compare, summarise

COLUMNS = (
    "speaker", "kind", "noise", "snr_db", "pesq", "pesq_noisy", "stoi", "stoi_noisy", "si_sdr", "si_sdr_noisy",
    "absent_db",
)  # fmt: skip
"""What a line tells of each item."""
BANDS = ((-5, 0), (0, 5), (5, 10), (10, 15), (0, 10), (-5, 15))
"""Ratios of speech to noise in dB."""
HARM = {"pesq": 0.05, "si_sdr": 1.0}
"""An output that is further below its input than this has done harm."""
FIGURES = {"pesq": ("PESQ-WB", 2), "stoi": ("STOI", 3), "si_sdr": ("SI-SDR dB", 1)}
Line = dict[str, Any]
Row = dict[str, Any]


def append(file: Path, line: Line) -> None:
    """Adds a line."""
    with file.open("a", encoding="ascii") as lines:
        lines.write(json.dumps(line) + "\n")


def read(file: Path) -> list[Line]:
    """All lines; none where there is no file."""
    return [json.loads(line) for line in file.read_text(encoding="ascii").splitlines()] if file.exists() else []


def table(file: Path) -> str:
    """Markdown, for each list of test items: means with 95 % intervals over speakers. Each line is a table row."""
    lists: dict[str, list[Line]] = {}
    for line in read(file):
        lists.setdefault(line["test"], []).append(line)
    return "\n\n".join(_list(digest, lines) for digest, lines in lists.items())


def _list(digest: str, lines: Sequence[Line]) -> str:
    rows = {_name(line): [dict(zip(COLUMNS, item, strict=True)) for item in line["items"]] for line in lines}
    items = next(iter(rows.values()))
    counts = ", ".join(
        f"{sum(row['kind'] == kind for row in items)} {kind}" for kind in sorted({r["kind"] for r in items})
    )
    heads = ["items", *_heads(" noisy"), *_heads(""), *_heads(" gain")]
    parts = [
        f"Test items {digest}: {counts}; means [95 % over speakers].",
        *([_trainings(lines)] if any("steps" in line for line in lines) else []),
        markdown(["system", "SNR dB", *heads], _bands(rows)),
        "By kind of noise (items that hold it; recordings are drawn, and some kinds have many more of them):",
        markdown(
            ["system", "kind of noise", "items", *_heads(" noisy"), *_heads(""), *_heads(" gain")], _by_noise(rows)
        ),
        *([_against(rows)] if len(rows) > 1 else []),
        _harm(rows),
    ]
    return "\n\n".join(parts)


def _name(line: Line) -> str:
    return line["system"] if "seed" not in line else f"{line['system']}, seed {line['seed']}"


def _trainings(lines: Sequence[Line]) -> str:
    """What each training took; 0 s of budget: none was set."""
    head = ["system", "budget CPU s", "taken CPU s", "wall s", "steps", "parameters", "GMAC/s"]
    cells = [
        [_name(line), line["budget_s"], line["cpu_s"], line["wall_s"], line["steps"], f"{line['params']:,}",
         f"{line['macs_per_s'] / 1e9:.2f}"]
        for line in lines if "steps" in line
    ]  # fmt: skip
    return markdown(head, cells)


def _heads(suffix: str) -> list[str]:
    return [f"{head}{suffix}" for head, _ in FIGURES.values()]


def _bands(rows: dict[str, list[Row]]) -> list[list[Any]]:
    cells: list[list[Any]] = []
    for name, items in rows.items():
        for low, high in BANDS:
            chosen = [row for row in items if row["kind"] == "noisy" and low <= row["snr_db"] <= high]
            if chosen:
                cells.append([name, f"{low} to {high}", len(chosen), *_figures(chosen)])
    return cells


def _by_noise(rows: dict[str, list[Row]]) -> list[list[Any]]:
    cells: list[list[Any]] = []
    for name, items in rows.items():
        noisy = [row for row in items if row["kind"] == "noisy"]
        for kind in sorted({kind for row in noisy for kind in row["noise"].split("+")}):
            chosen = [row for row in noisy if kind in row["noise"].split("+")]
            cells.append([name, kind, len(chosen), *_figures(chosen)])
    return cells


def _figures(items: Sequence[Row]) -> list[str]:
    """Each figure of the input, of the output, and what was gained."""
    before, after, gained = (
        {name: [of(row, name) for row in items] for name in FIGURES}
        for of in (lambda row, name: row[f"{name}_noisy"], lambda row, name: row[name], _gain)
    )
    means = summarise([{k: v[i] for k, v in gained.items()} for i in range(len(items))], _speakers(items))
    plain = [f"{_mean(values[name]):.{digits}f}" for values in (before, after) for name, (_, digits) in FIGURES.items()]
    return [*plain, *(_told(means[name], digits) for name, (_, digits) in FIGURES.items())]


def _against(rows: dict[str, list[Row]]) -> str:
    """Differences to the first system on the same noisy items: narrower than those of two means."""
    chosen = {name: [row for row in items if row["kind"] == "noisy"] for name, items in rows.items()}
    (first, own), *others = chosen.items()
    cells: list[list[Any]] = []
    for name, items in others:
        columns = [[[_or_nan(row[figure]) for row in of] for of in (items, own)] for figure in FIGURES]
        digits = [digits for _, digits in FIGURES.values()]
        told = [_told(compare(*pair, _speakers(own)), each) for pair, each in zip(columns, digits, strict=True)]
        cells.append([name, *told])
    return markdown(["system", *_heads(f" less that of {first}")], cells)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value


def _gain(row: Row, name: str) -> float | None:
    own, was = row[name], row[f"{name}_noisy"]
    return None if own is None or was is None else own - was


def _harm(rows: dict[str, list[Row]]) -> str:
    """Clean speech has no SI-SDR to lose: that of the output is told, and its change where there was noise."""
    head = [
        "system", "clean: PESQ change", "clean: least", f"clean: lost > {HARM['pesq']:g}", "clean: SI-SDR dB out",
        "clean: least", f"noisy: lost > {HARM['pesq']:g} PESQ", f"noisy: lost > {HARM['si_sdr']:g} dB SI-SDR",
        "noise alone: dB taken off", "noise alone: least",
    ]  # fmt: skip
    cells: list[list[Any]] = []
    for name, items in rows.items():
        clean, noisy, alone = (
            [row for row in items if row["kind"] == kind] for kind in ("clean_only", "noisy", "noise_only")
        )
        pesq = _known([_gain(row, "pesq") for row in clean])
        left, si_sdr = ([row[column] for row in chosen] for chosen, column in ((alone, "absent_db"), (clean, "si_sdr")))
        cells.append(
            [
                name, f"{_mean(pesq):.3f}", f"{_least(pesq):.3f}", _lost(pesq, "pesq"), f"{_mean(si_sdr):.1f}",
                f"{_least(si_sdr):.1f}", _lost(_known([_gain(row, "pesq") for row in noisy]), "pesq"),
                _lost(_known([_gain(row, "si_sdr") for row in noisy]), "si_sdr"), f"{_mean(left):.1f}",
                f"{_least(left):.1f}",
            ]
        )  # fmt: skip
    return markdown(head, cells)


def _lost(gains: Sequence[float], name: str) -> str:
    return f"{sum(gain < -HARM[name] for gain in gains)} of {len(gains)}"


def _known(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _mean(values: Sequence[float | None]) -> float:
    return float(np.mean(_known(values))) if _known(values) else float("nan")


def _least(values: Sequence[float | None]) -> float:
    return min(_known(values), default=float("nan"))


def _speakers(items: Sequence[Row]) -> list[str] | None:
    speakers = [row["speaker"] for row in items]
    return speakers if len(set(speakers)) > 1 else None


def _told(mean: Mean, digits: int) -> str:
    return f"{mean.mean:+.{digits}f} [{mean.low:+.{digits}f}, {mean.high:+.{digits}f}]"


def markdown(head: Sequence[str], cells: Sequence[Sequence[Any]]) -> str:
    """A table of cells of any kind."""
    rows = [list(head), ["---"] * len(head), *([str(cell) for cell in row] for row in cells)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
