"""Lists of mixtures that lie as files: those of LibriMix with a map of enrolments, and the mixtures.csv that we write.

LibriMix (Cosentino et al. 2020, arXiv:2005.11262) lists mixture_ID, mixture_path, source_1_path, source_2_path,
[noise_path], length; a mixture's ID is the names of its utterances joined by "_". Who is wanted, and by which
recording, says a second file, in which each mixture comes once for each of its utterances:

    mixture_ID utterance_ID s1/other_mixture_ID               (the map of SpeakerBeam: sources of other mixtures)
    mixture_id,utterance_id,path,length[,path,length ...]     (with paths; several recordings make one reference)
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from sonant.audio.decode import decode_path
from sonant.audio.samples import Wav
from sonant.data.mix.items import Item
from sonant.data.mix.render import Rendered
from sonant.data.recipes.reading import below, read_text
from sonant.errors import DataError

_MAX_S = 600.0
_Cells = Mapping[str, str]


@dataclass(frozen=True)
class Listed:
    """A mixture of a list, with one of its sources as the target."""

    id: str
    speaker: str
    present: bool
    mixture: str
    """URLs, as all that follow."""
    target: str
    others: tuple[str, ...]
    noise: str
    """Empty: none."""
    references: tuple[str, ...]

    @property
    def leaks(self) -> bool:
        """Whether the reference is the target itself, which happens in published maps."""
        return self.present and self.target in self.references


class Lists:
    """Items of a loader: the mixtures of a list, decoded when they are asked for."""

    def __init__(self, listed: Sequence[Listed], sample_rate_hz: int) -> None:
        self.listed = listed
        self._rate_hz = sample_rate_hz

    @property
    def sample_rate_hz(self) -> int:
        return self._rate_hz

    @property
    def window(self) -> int | None:
        return None

    @property
    def speakers(self) -> Sequence[str]:
        return [told.speaker for told in self.listed]

    def __len__(self) -> int:
        return len(self.listed)

    def item(self, epoch: int, index: int) -> Item:
        told = self.listed[index]
        mix_N = self._read(told.mixture)
        sources = [_fitted(self._read(url), mix_N.size) for url in (told.target, *told.others)]
        noise_N = _fitted(self._read(told.noise), mix_N.size) if told.noise else np.zeros_like(mix_N)
        ref_R = np.concatenate([self._read(url) for url in told.references])
        target_N = sources[0] if told.present else np.zeros_like(mix_N)
        others_KN = np.stack(sources[1:]) if told.others else np.zeros((0, mix_N.size), np.float32)
        return Item(told.id, told.speaker, told.present, Rendered(mix_N, target_N, ref_R, others_KN, noise_N))

    def _read(self, url: str) -> Wav:
        return decode_path(url, rate_hz=self._rate_hz, max_s=_MAX_S)


def read_list(url: str, enrolment: str | None = None, *, root: str | None = None) -> list[Listed]:
    """The mixtures of a CSV file, and who is wanted in them by `enrolment`; without it, by the columns that
    mixtures.csv has. Paths are relative to `root`, or to the list's own folder."""
    base = root if root is not None else url.rpartition("/")[0] or "."
    rows = {cells["mixture_ID"]: cells for cells in _rows(url, ("mixture_ID", "mixture_path", "source_1_path"))}
    if enrolment is None:
        listed = [_ours(cells, base, url) for cells in rows.values()]
    else:
        wanted = list(_wanted(enrolment))
        listed = [_listed(enrolment, base, rows, *entry) for entry in wanted if entry[0] in rows]
        if wanted and not listed:
            raise DataError("data.invalid", f"{enrolment} names none of the mixtures of {url}")
    if not listed:
        raise DataError("data.empty", f"{url} lists no mixtures")
    return listed


def _ours(cells: _Cells, base: str, url: str) -> Listed:
    if not cells.get("reference_path"):
        hint = "give the map of enrolments (mixture2enrollment) beside the list"
        raise DataError("data.invalid", f"{url}: nothing says who is wanted in {cells['mixture_ID']}", hint=hint)
    first, *others = _sources(cells, base)
    return Listed(
        id=cells["mixture_ID"],
        speaker=cells.get("speaker", ""),
        present=cells.get("present", "1") == "1",
        mixture=below(base, cells["mixture_path"]),
        target=first,
        others=tuple(others),
        noise=_noise(cells, base),
        references=(below(base, cells["reference_path"]),),
    )


def _listed(
    url: str, base: str, rows: Mapping[str, _Cells], mixture: str, utterance: str, references: tuple[str, ...]
) -> Listed:
    """One source of a mixture as the target, known by its place in the mixture's name."""
    cells = rows[mixture]
    names, sources = mixture.split("_"), _sources(cells, base)
    if utterance not in names or len(sources) != len(names):
        hint = "a mixture's ID is the names of its utterances, joined by _"
        raise DataError("data.invalid", f"{url}: {mixture} has no utterance {utterance}", hint=hint)
    place = names.index(utterance)
    return Listed(
        id=f"{mixture}/{utterance}",
        speaker=utterance.partition("-")[0],
        present=True,
        mixture=below(base, cells["mixture_path"]),
        target=sources[place],
        others=tuple(source for number, source in enumerate(sources) if number != place),
        noise=_noise(cells, base),
        references=tuple(_reference(reference, sources[0], url) for reference in references),
    )


def _reference(name: str, source: str, url: str) -> str:
    """A path as it is, relative to the map; s1/<mixture> is a source of another mixture, beside those of this one."""
    if PurePosixPath(name).suffix:
        return below(url.rpartition("/")[0] or ".", name)
    return f"{source.rsplit('/', 2)[0]}/{name}.{source.rpartition('.')[2]}"


def _wanted(url: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """(mixture, utterance, references) of a map of enrolments."""
    text = read_text(url)
    if "," not in text.partition("\n")[0]:
        for number, line in enumerate(text.splitlines(), 1):
            words = line.split()
            if words and len(words) != 3:
                raise DataError("data.invalid", f"{url}, line {number}: not mixture, utterance and enrolment")
            if words:
                yield words[0], words[1], (words[2],)
        return
    rows = csv.reader(io.StringIO(text, newline=""))
    next(rows)
    for number, row in enumerate(rows, 1):
        mixture, utterance, *rest = (cell.strip() for cell in row) if len(row) > 2 else ("", "")
        if not mixture or not rest[::2][0]:
            raise DataError("data.invalid", f"{url}, row {number}: not mixture, utterance and enrolments")
        # Each path is followed by its length.
        yield mixture, utterance, tuple(path for path in rest[::2] if path)


def _sources(cells: _Cells, base: str) -> list[str]:
    numbered = sorted((name for name in cells if name.startswith("source_") and name.endswith("_path")), key=_number)
    return [below(base, cells[name]) for name in numbered if cells[name]]


def _number(name: str) -> int:
    middle = name.removeprefix("source_").removesuffix("_path")
    return int(middle) if middle.isdigit() else 0


def _noise(cells: _Cells, base: str) -> str:
    return below(base, cells["noise_path"]) if cells.get("noise_path") else ""


def _fitted(wav_N: Wav, samples: int) -> Wav:
    """As long as the mixture: in lists of kind "min" sources are longer, in "max" shorter."""
    return np.pad(wav_N[:samples], (0, max(0, samples - wav_N.size)))


def _rows(url: str, needed: Sequence[str]) -> list[_Cells]:
    reader = csv.DictReader(io.StringIO(read_text(url), newline=""))
    missing = [name for name in needed if name not in (reader.fieldnames or ())]
    if missing:
        raise DataError("data.invalid", f"{url} has no column {', '.join(missing)}", hint="it must list mixtures")
    return [{name: (cell or "").strip() for name, cell in row.items() if name} for row in reader]
