"""How published sets of noisy speech lie in folders, and which of their files belong together.

MS-SNSD     NoisySpeech_training/noisy7_SNRdb_10.0_clnsp7.wav, CleanSpeech_training/clnsp7.wav
VoiceBank   noisy_testset_wav/p232_001.wav, clean_testset_wav/p232_001.wav, log_testset.txt: p232_001 bus 17.5
DNS         .../noisy/clnsp1_train_1_snr15_tl-21_fileid_158.wav, .../clean/clean_fileid_158.wav
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import cast

import fsspec

from sonant.data.corpora.files import find


@dataclass(frozen=True)
class Row:
    """A row of the list."""

    id: str
    noisy_path: str
    clean_path: str
    snr_db: float | str
    """Empty: unknown, as the two below."""
    speaker: str
    noise: str
    split: str


Found = tuple[list[Row], int]
"""Pairs, and how many noisy files have no clean one."""

_MS_SNSD = re.compile(r"NoisySpeech_(?P<part>\w+)/(?P<id>noisy\d+_SNRdb_(?P<snr>-?[\d.]+)_(?P<clean>clnsp\d+))\.\w+")
_VOICEBANK = re.compile(r"noisy_(?P<part>(?:train|test)set\w*_wav)/(?P<id>(?P<speaker>p\d+)_\w+)\.\w+")
_DNS = re.compile(r"(?P<above>.*/|)(?:noisy|noisy_\w+)/(?P<name>[^/]*?fileid_(?P<number>\d+))\.\w+")
_DNS_SNR = re.compile(r"_snr(-?\d+)")
_DNS_READER = re.compile(r"reader_(\d+)")
_SPLITS = {"training": "train", "test": "test"}


def ms_snsd(root: str, part: str) -> Found:
    """NoisySpeech_<part> beside CleanSpeech_<part>; what the ratio is called stands in the name."""
    paths = find(root)

    def row(match: re.Match[str], path: str) -> Row:
        clean = f"CleanSpeech_{match['part']}/{match['clean']}{PurePosixPath(path).suffix}"
        split = _SPLITS.get(match["part"], "")
        return Row(match["id"], path, clean, float(match["snr"].rstrip(".")), "", "", split)

    return _paired(root, paths, _MS_SNSD, row, part)


def voicebank(root: str, part: str) -> Found:
    """noisy_<part>_wav beside clean_<part>_wav, speakers by their numbers; noise and ratios where the logs are."""
    told = {name: line for log in ("log_testset.txt", "log_trainset_28spk.txt", "log_trainset_56spk.txt")
            for name, *line in _lines(f"{root}/{log}")}  # fmt: skip

    def row(match: re.Match[str], path: str) -> Row:
        noise, snr = (*told.get(match["id"], ()), "", "")[:2]
        clean = f"clean_{match['part']}/{PurePosixPath(path).name}"
        split = "train" if match["part"].startswith("train") else "test"
        ratio = float(snr) if snr else ""
        return Row(match["id"], path, clean, ratio, match["speaker"], noise, split)

    return _paired(root, find(root), _VOICEBANK, row, part)


def dns(root: str, part: str) -> Found:
    """noisy beside clean (test sets, and what the set's own script makes), tied by the number at the end."""
    paths = find(root)
    clean = {path.rpartition(".")[0]: path for path in paths}

    def row(match: re.Match[str], path: str) -> Row:
        snr, reader = _DNS_SNR.search(match["name"]), _DNS_READER.search(match["name"])
        own = clean.get(f"{match['above']}clean/clean_fileid_{match['number']}", "")
        name = f"{match['above']}{match['name']}"
        return Row(name, path, own, float(snr[1]) if snr else "", reader[1] if reader else "", "", "")

    return _paired(root, paths, _DNS, row, part)


LAYOUTS: dict[str, Callable[[str, str], Found]] = {"ms_snsd": ms_snsd, "voicebank": voicebank, "dns": dns}
"""(root, part) -> pairs, with absolute paths, sorted."""


def _paired(
    root: str, paths: Iterable[str], pattern: re.Pattern[str], row: Callable[[re.Match[str], str], Row], part: str
) -> Found:
    known = set(paths)
    rows = [row(match, path) for path in sorted(known) if (match := pattern.fullmatch(path))]
    rows = [found for found in rows if part in ("", found.split)]
    pairs = [found for found in rows if found.clean_path in known]
    whole = [
        Row(**{**vars(found), "noisy_path": f"{root}/{found.noisy_path}", "clean_path": f"{root}/{found.clean_path}"})
        for found in pairs
    ]
    return whole, len(rows) - len(pairs)


def _lines(url: str) -> list[list[str]]:
    """The words of each line of a text file; none where it is missing."""
    try:
        with fsspec.open(url, "rt", encoding="utf-8") as file:
            lines = cast(list[str], file.readlines())  # pyright: ignore[reportAttributeAccessIssue]
    except FileNotFoundError:
        return []
    return [words for line in lines if (words := line.split())]
