"""Verbs about bundles: `export`, `promote`, `rollback`, `measure`, `infer`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext

from sonant.verbs.verb import Arguments, Verb, show


def _export_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="run folder")
    parser.add_argument("--out", metavar="FOLDER", help="where to write the bundle; default: inside the run folder")


def export(args: Arguments) -> None:
    exported(args.run, args.out)


def exported(run: str, out: str | None) -> str:
    """Exports a run, and shows where."""
    from sonant.export.export import export

    bundle = export(run, out=out)
    show({"bundle": bundle})
    return bundle


def _promote_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="bundle folder or URL, or STORE/NAME/VERSION")
    parser.add_argument("alias", metavar="ALIAS", help="champion, canary, ...")
    _store_words(parser)


def _store_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", default="store", help="folder or URL of the store")
    parser.add_argument(
        "--serve", nargs="?", const="", metavar="ADDRESS",
        help="replace the applications that serve the alias, and no other; address of their Ray (`sonant serve` tells "
        "it), default: $RAY_ADDRESS, or the one on this machine",
    )  # fmt: skip


def promote(args: Arguments) -> None:
    promoted(args.bundle, args.alias, args.store, args.serve)


def promoted(bundle: str, alias: str, store: str, address: str | None = None) -> None:
    """Promotes a bundle, and shows as what; with the address of a server's Ray, what serves the alias follows."""
    from sonant.export.store import history, promote, rollback

    def undo(name: str) -> None:
        *_, before, now = ("", "", *(move.version for move in history(store, name) if move.alias == alias))
        if before and before != now:
            rollback(store, name, alias)

    _show_moved("promoted", lambda: promote(bundle, alias, store), undo, alias, store, address)


def _rollback_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of a bundle: NAME in the store, or STORE/NAME")
    parser.add_argument("alias", nargs="?", default="champion", metavar="ALIAS", help="default: champion")
    _store_words(parser)


def rollback(args: Arguments) -> None:
    """Takes the last promotion of an alias back, and shows what it means again."""
    from sonant.export.store import history, promote, rollback

    folder, _, name = args.name.rstrip("/").rpartition("/")
    store, alias = folder or args.store, args.alias
    was = next((move.version for move in reversed(history(store, name)) if move.alias == alias), "")

    def undo(name: str) -> None:
        promote(f"{store}/{name}@{was}", alias, store)

    _show_moved("rolled_back", lambda: rollback(store, name, alias), undo, alias, store, args.serve)


def _show_moved(
    what: str, move: Callable[[], str], undo: Callable[[str], None], alias: str, store: str, address: str | None
) -> None:
    if address is None:
        return show({what: move(), "alias": alias})
    from sonant.cluster.rollout import moved

    url, replaced = moved(move, undo, alias, store, address)
    show({what: url, "alias": alias, "replaced": replaced})


def _measure_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="bundle folder or URL, or STORE/NAME@ALIAS")


def measure(args: Arguments) -> None:
    from sonant.measure.bundle import measure

    show(measure(args.bundle))


def _infer_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="bundle folder or URL, or STORE/NAME@ALIAS")
    parser.add_argument("inputs", nargs="+", metavar="FILE|MANIFEST", help="audio files or URLs, or a manifest")
    parser.add_argument("--top-k", type=int, default=3, help="labels in each answer")
    parser.add_argument("--point", metavar="NAME", help="operating point of a detector: balanced, low_fa")
    parser.add_argument("--cluster", action="store_true", help="spread the work over a Ray cluster with Ray Data")
    parser.add_argument(
        "--reference",
        nargs="+",
        metavar="FILE",
        help="of an extractor: recordings of the wanted voice alone, if no list.csv names them",
    )
    parser.add_argument(
        "--out", metavar="FILE", help="write JSON lines here instead of stdout; where answers are sound: its folder"
    )
    parser.add_argument(
        "--dry",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="for an enhancer: share of what went in to keep",
    )


def infer(args: Arguments) -> None:
    from sonant.config.ray import RayConfig
    from sonant.measure.infer import infer
    from sonant.measure.infer_enhance import enhance_files
    from sonant.measure.infer_extract import extract_files
    from sonant.runtime.bundle import open_bundle

    cluster = RayConfig() if args.cluster else None
    sounds: Iterator[dict[str, object]] | None = None
    if args.reference or _lists_of_mixtures(args):
        sounds = extract_files(args.bundle, args.inputs, args.reference or (), out=args.out, cluster=cluster)
    elif open_bundle(args.bundle).info.enhance is not None:
        sounds = enhance_files(args.bundle, args.inputs, out=args.out, dry=args.dry, cluster=cluster)
    if sounds is not None:
        for line in sounds:
            print(json.dumps(line, ensure_ascii=False), flush=True)
        return
    lines = infer(args.bundle, args.inputs, top_k=args.top_k, point=args.point, cluster=cluster)
    with open(args.out, "w", encoding="utf-8") if args.out else nullcontext(sys.stdout) as out:
        for line in lines:
            print(json.dumps(line, ensure_ascii=False), file=out, flush=True)


def _lists_of_mixtures(args: Arguments) -> bool:
    """Whether an extractor is given lists that name a reference for each mixture."""
    from sonant.runtime.bundle import open_bundle

    return args.inputs[0].endswith(".csv") and open_bundle(args.bundle).info.extract is not None


VERBS: dict[str, Verb] = {
    "export": Verb("write a run's best checkpoint as a proven bundle", _export_words, export),
    "promote": Verb("copy a bundle to a store and move an alias to it", _promote_words, promote),
    "rollback": Verb("take the last promotion of an alias back", _rollback_words, rollback),
    "measure": Verb("size, speed and real-time factor of a bundle on this machine", _measure_words, measure),
    "infer": Verb("answers for files or a manifest, here or over a cluster", _infer_words, infer),
}
