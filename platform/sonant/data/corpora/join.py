"""Several prepared corpora as one: the first is what it is about, the others add training material to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sonant.config.prepare import PrepareJoin
from sonant.data.corpus import Corpus
from sonant.data.source import Clip, Source, Span
from sonant.errors import DataError

_COLUMNS = ("id", "path", "label", "text", "speaker", "session", "split", "licence")


def plan(config: PrepareJoin) -> Source:
    first, *others = (Corpus.open(url) for url in config.corpora)
    for corpus in (first, *others):
        if corpus.sample_rate_hz != config.sample_rate_hz:
            rates = f"{corpus.sample_rate_hz} Hz, not {config.sample_rate_hz} Hz"
            raise DataError("data.invalid", f"{corpus.path} is at {rates}", hint="prepare all of them at one rate")
    if len({corpus.spans_R is None for corpus in (first, *others)}) > 1:
        raise DataError(
            "data.invalid", "some of the corpora have spans and some have not", hint="join corpora of one sort"
        )
    clips = list(_clips(first, {}, {}))
    wanted = {clip.label for clip in clips}
    for corpus in others:
        added = [clip for clip in _clips(corpus, config.labels, {"split": "train"}) if clip.label in wanted]
        if not added:
            raise DataError(
                "data.empty",
                f"{corpus.path} shares no label with {first.path}",
                hint=f"map its labels ({', '.join(corpus.labels[:20])}) with labels={{theirs: ours}}",
            )
        clips += added
    return Source("join", first.info.split_by, clips, tolerant=False)


def _clips(corpus: Corpus, labels: Mapping[str, str], fixed: Mapping[str, str]) -> Iterator[Clip]:
    name, url = corpus.info.name, str(corpus.path)
    columns = {column: corpus.column(column) for column in _COLUMNS}
    for row in range(len(corpus)):
        told = {column: str(values[row] or "") for column, values in columns.items()} | dict(fixed)
        yield Clip(
            id=f"{name}/{told['id']}",
            path=told["path"],
            job={"kind": "stored", "corpus": url, "row": row},
            label=labels.get(told["label"], told["label"]),
            text=told["text"],
            speaker=told["speaker"],
            session=told["session"],
            split=told["split"],
            licence=told["licence"],
            spans=None if corpus.spans_R is None else [_renamed(span, labels) for span in corpus.spans_R[row]],
        )


def _renamed(span: Span, labels: Mapping[str, str]) -> Span:
    return span._replace(label=labels.get(span.label, span.label))
