"""`sonant prepare`: corpora, recipes and tables of files."""

from __future__ import annotations

import argparse

from sonant.verbs.verb import Arguments, Verb, bar, show, spread_here


def _prepare_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "config",
        help="fsdd, speech_commands, ravdess, emodb, librispeech, folder, manifest, spans, words, mix, noisy, "
        "noisy_pairs, ms_snsd, voicebank, dns, path or `check`",
    )
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="ROOT=/data/fsdd; with `check`: corpora, tables of recipes"
    )
    parser.add_argument("--smoke", action="store_true", help="apply the config's own smoke set")
    parser.add_argument("--cluster", action="store_true", help="with mix or noisy and render=: over a Ray cluster")


def prepare(args: Arguments) -> None:
    from sonant.config.load import load
    from sonant.config.prepare import PrepareConfig, PrepareMix, PrepareNoisy, PrepareNoisyPairs
    from sonant.data import mixing, noising
    from sonant.data.checking import check_any
    from sonant.data.noisy.pairs import prepare_pairs
    from sonant.data.prepare import prepare

    if args.config == "check":
        for corpus in args.overrides:
            check_any(corpus)
            show(f"{corpus}: no leak between splits")
        return
    name = args.config if "/" in args.config or args.config.endswith(".yaml") else f"prepare/{args.config}"
    config = load(PrepareConfig, name, args.overrides, smoke=args.smoke)
    spread = spread_here() if args.cluster else None
    if isinstance(config, PrepareMix):
        summary = mixing.prepare_mix(config, progress=bar("mixtures"), spread=spread)
    elif isinstance(config, PrepareNoisy):
        summary = noising.prepare_noisy(config, progress=bar("items"), spread=spread)
    elif isinstance(config, PrepareNoisyPairs):
        summary = prepare_pairs(config)
    else:
        summary = prepare(config, progress=bar("clips"))
    show(summary.model_dump(mode="json"))


VERBS: dict[str, Verb] = {
    "prepare": Verb(
        "import or synthesise a corpus: manifest and shards; `check` looks for leaks", _prepare_words, prepare
    ),
}
