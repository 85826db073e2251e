"""Verbs that tell what there is: `models`, `validate`."""

from __future__ import annotations

import argparse

from sonant.verbs.verb import Arguments, Verb, config_words, show


def _models_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def models(args: Arguments) -> None:
    from sonant.measure.zoo import rows, table

    show(rows() if args.json else table(rows()))


def _validate_words(parser: argparse.ArgumentParser) -> None:
    config_words(parser)
    parser.add_argument("--print", action="store_true", help="print the resolved config")


def validate(args: Arguments) -> None:
    from sonant.config.kinds import kind_of
    from sonant.config.load import check, dump, tree

    data = tree(args.config, args.overrides, smoke=args.smoke)
    config = check(kind_of(data), data, source=args.config)
    show(dump(config) if args.print else f"{args.config}: valid")


VERBS: dict[str, Verb] = {
    "models": Verb("list every network with its size and speed", _models_words, models),
    "validate": Verb("check a config, and print it resolved", _validate_words, validate),
}
