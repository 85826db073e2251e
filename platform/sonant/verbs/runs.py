"""Verbs about trainings: `train`, `tune`, `evaluate`, `report`."""

from __future__ import annotations

import argparse

from sonant.errors import DataError
from sonant.verbs.bundles import exported, promoted
from sonant.verbs.verb import Arguments, Verb, config_words, show, spread_here


def _train_words(parser: argparse.ArgumentParser) -> None:
    config_words(parser)
    parser.add_argument("--resume", metavar="RUN", help="continue this run folder exactly where it was stopped")
    parser.add_argument("--local", action="store_true", help="one process, without Ray")
    parser.add_argument("--promote", metavar="ALIAS", help="when done, export a bundle and give it this alias")


def train(args: Arguments) -> None:
    from sonant.config.experiment import Experiment
    from sonant.config.load import load

    config = load(Experiment, args.config, args.overrides, smoke=args.smoke)
    if args.local:
        from sonant.train.local import fit_local

        result = fit_local(config, resume=args.resume)
    else:
        from sonant.train.fit import fit

        result = fit(config, resume=args.resume)
    show({"run": result.path, **result.metrics})
    if args.promote:
        promoted(exported(result.path, None), args.promote, config.export.store)


def _tune_words(parser: argparse.ArgumentParser) -> None:
    config_words(parser)
    parser.add_argument("--resume", metavar="SWEEP", help="continue this sweep folder after it was stopped")


def tune(args: Arguments) -> None:
    from sonant.config.experiment import Experiment
    from sonant.config.load import load
    from sonant.tune.search import search

    result = search(load(Experiment, args.config, args.overrides, smoke=args.smoke), resume=args.resume)
    seeds = {"confirmed": result.confirmed} if result.confirmed else {}
    show({"sweep": result.path, "best_run": result.best_run, "best": result.best, **seeds})
    exported(result.best_run, None)


def _evaluate_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", metavar="RUN_OR_BUNDLE", help="run folder, bundle, or STORE/NAME@ALIAS")
    about = "prepared corpus, or list of mixtures or of pairs (.csv); default: the run's own"
    parser.add_argument("data", nargs="*", metavar="DATA", help=about)
    parser.add_argument("--split", default="test", choices=["train", "validation", "test", "all"])
    parser.add_argument(
        "--out", metavar="FOLDER", help="also write metrics, confusion matrix (json, png) and predictions here"
    )
    parser.add_argument(
        "--folds", type=int, metavar="K", help="train and judge a CONFIG [key=value ...] K times instead"
    )
    parser.add_argument("--smoke", action="store_true", help="with --folds: apply the config's own smoke set")
    parser.add_argument(
        "--quality", action="store_true", help="of sound: PESQ, STOI, SNR and composite measures (slow)"
    )
    parser.add_argument(
        "--cluster",
        action="store_true",
        help="with --folds: train with Ray Train; with --quality, --transcripts: measure over Ray",
    )
    parser.add_argument("--enrolment", metavar="FILE", help="of a list of mixtures: who is wanted, by which recording")
    parser.add_argument("--transcripts", action="store_true", help="word error rates of a CONFIG on a MANIFEST")
    parser.add_argument("--trials", metavar="FILE", help="pairs for an embedder, lines `1|0 enrol test`: ids or paths")


def evaluate(args: Arguments) -> None:
    from sonant.measure.evaluate import evaluate

    if args.folds is not None:
        _folds(args)
    elif args.transcripts:
        from sonant.measure.transcribe_verb import error_rates

        show(error_rates(args))
    elif len(args.data) > 1:
        raise DataError(
            "data.invalid", f"one corpus at a time, not {', '.join(args.data)}", hint="key=value needs --folds"
        )
    elif args.quality:
        from sonant.measure.quality import quality

        options = {"split": args.split, "enrolment": args.enrolment, "out": args.out}
        show(quality(args.subject, *args.data, **options, spread=spread_here() if args.cluster else None))
    elif args.data and args.data[0].endswith(".csv"):
        from sonant.measure.listed import evaluate_list

        show(evaluate_list(args.subject, args.data[0], enrolment=args.enrolment, out=args.out))
    else:
        show(evaluate(args.subject, *args.data, split=args.split, out=args.out, trials=args.trials))


def _folds(args: Arguments) -> None:
    from sonant.config.experiment import Experiment
    from sonant.config.load import load
    from sonant.measure.folds import evaluate_folds

    if args.cluster:
        from sonant.train.fit import fit
    else:
        from sonant.train.local import fit_local as fit

    config = load(Experiment, args.subject, args.data, smoke=args.smoke)
    show(evaluate_folds(config, args.folds, out=args.out, fit=fit))


def _report_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="RUN|SWEEP", help="run or sweep folder")
    parser.add_argument("--out", metavar="FILE", help="where to write the page; default: report.html inside the folder")


def report(args: Arguments) -> None:
    from sonant.track.report import report

    show({"report": report(args.path, out=args.out)})


VERBS: dict[str, Verb] = {
    "train": Verb("train a network with Ray Train", _train_words, train),
    "tune": Verb("search architectures and settings with Ray Tune; the winner becomes a bundle", _tune_words, tune),
    "evaluate": Verb("judge a run or bundle on a corpus, or a config by folds of speakers", _evaluate_words, evaluate),
    "report": Verb("one HTML file about a run or a sweep", _report_words, report),
}
