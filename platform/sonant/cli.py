"""`sonant VERB ...`: every arrow of the road from a corpus to a live stream.

One table of verbs (`sonant.verbs`); each parses its own few words and calls one function of the library. What jobs/
submit to a cluster are these same verbs. Results go to stdout, progress and messages to stderr; a user's mistake is one
line and exit code 2.
"""

from __future__ import annotations

import argparse
import difflib
import logging
import os
import sys
<<<<<<< HEAD
from collections.abc import Sequence

from sonant.errors import EnvError, SonantError
from sonant.verbs import about, bundles, corpora, hearing, runs, servers
from sonant.verbs.servers import JOBS
from sonant.verbs.verb import Arguments, Verb, say, show

__all__ = ["JOBS", "VERBS", "main"]

_KNOWN = corpora.VERBS | runs.VERBS | bundles.VERBS | hearing.VERBS | servers.VERBS | about.VERBS
_ROAD = """
    prepare train tune evaluate export promote measure infer transcribe listen stream serve keys doctor ask submit
    models validate report
"""
VERBS: dict[str, Verb] = {name: _KNOWN[name] for name in _ROAD.split()}
"""In the order of the road."""
=======
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial

from sonant.errors import ConfigError, DataError, EnvError, SonantError

Arguments = argparse.Namespace

_SERVER_RATE_HZ = 16_000
"""Rate of what is sent to a server: it takes any."""


@dataclass(frozen=True)
class Verb:
    """One verb: what it is for, the words it takes, and what it does."""

    about: str
    words: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Arguments], None]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def show(value: object) -> None:
    """A result: text as it is, anything else as JSON."""
    print(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False), flush=True)


def _config_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", help="name under configs/ (kws/tc_resnet), path or URL")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the config: train.epochs=5")
    parser.add_argument("--smoke", action="store_true", help="apply the config's own smoke set: done in under a minute")


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
    spread = _spread() if args.cluster else None
    if isinstance(config, PrepareMix):
        summary = mixing.prepare_mix(config, progress=_bar("mixtures"), spread=spread)
    elif isinstance(config, PrepareNoisy):
        summary = noising.prepare_noisy(config, progress=_bar("items"), spread=spread)
    elif isinstance(config, PrepareNoisyPairs):
        summary = prepare_pairs(config)
    else:
        summary = prepare(config, progress=_bar("clips"))
    show(summary.model_dump(mode="json"))


def _spread() -> Callable[..., Iterator[str]]:
    """Ray Data over a cluster, or over this machine."""
    from sonant.cluster.spread import spread
    from sonant.config.ray import RayConfig

    return partial(spread, settings=RayConfig())


def _train_words(parser: argparse.ArgumentParser) -> None:
    _config_words(parser)
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
        _promote(_export(result.path, None), args.promote, config.export.store)


def _tune_words(parser: argparse.ArgumentParser) -> None:
    _config_words(parser)
    parser.add_argument("--resume", metavar="SWEEP", help="continue this sweep folder after it was stopped")


def tune(args: Arguments) -> None:
    from sonant.config.experiment import Experiment
    from sonant.config.load import load
    from sonant.tune.search import search

    result = search(load(Experiment, args.config, args.overrides, smoke=args.smoke), resume=args.resume)
    show({"sweep": result.path, "best_run": result.best_run, "best": result.best})
    _export(result.best_run, None)


def _evaluate_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", metavar="RUN_OR_BUNDLE", help="run folder, bundle, or STORE/NAME@ALIAS")
    about = "prepared corpus; without it, the run's own; with --quality also a list of pairs of files (CSV)"
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
        "--cluster", action="store_true", help="with --folds: train with Ray Train; with --quality: measure over Ray"
    )
    parser.add_argument("--trials", metavar="FILE", help="pairs for an embedder, lines `1|0 enrol test`: ids or paths")


def evaluate(args: Arguments) -> None:
    from sonant.measure.evaluate import evaluate

    if args.folds is not None:
        _folds(args)
    elif len(args.data) > 1:
        raise DataError(
            "data.invalid", f"one corpus at a time, not {', '.join(args.data)}", hint="key=value needs --folds"
        )
    elif args.quality:
        from sonant.measure.quality import quality

        show(
            quality(
                args.subject, *args.data, split=args.split, out=args.out, spread=_spread() if args.cluster else None
            )
        )
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


def _export_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="run folder")
    parser.add_argument("--out", metavar="FOLDER", help="where to write the bundle; default: inside the run folder")


def export(args: Arguments) -> None:
    _export(args.run, args.out)


def _export(run: str, out: str | None) -> str:
    from sonant.export.export import export

    bundle = export(run, out=out)
    show({"bundle": bundle})
    return bundle


def _promote_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="bundle folder or URL, or STORE/NAME/VERSION")
    parser.add_argument("alias", metavar="ALIAS", help="champion, canary, ...")
    parser.add_argument("--store", default="store", help="folder or URL of the store")


def promote(args: Arguments) -> None:
    _promote(args.bundle, args.alias, args.store)


def _promote(bundle: str, alias: str, store: str) -> None:
    from sonant.export.store import promote

    show({"promoted": promote(bundle, alias, store), "alias": alias})


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
        "--reference", nargs="+", metavar="FILE", help="for an extractor: recordings of the wanted voice alone"
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
    if args.reference:
        sounds = extract_files(args.bundle, args.inputs, args.reference, out=args.out, cluster=cluster)
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


def _listen_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", nargs="?", metavar="BUNDLE", help="bundle folder or URL, or STORE/NAME@ALIAS")
    parser.add_argument("--url", help="a served application instead: http://127.0.0.1:8000/v1/audio/detections")
    parser.add_argument("--file", metavar="FILE", help="play a recording as if it were live, instead of a microphone")
    parser.add_argument("--fast", action="store_true", help="with --file: do not wait for the time that it takes")
    parser.add_argument("--device", metavar="NAME|NUMBER", help="microphone; default: the system's own")
    parser.add_argument("--point", metavar="NAME", help="operating point of a detector: balanced, low_fa")
    parser.add_argument(
        "--enhance",
        metavar="BUNDLE|URL",
        help="take the noise out instead, and play it: a bundle, or where it is served",
    )
    parser.add_argument("--output", metavar="NAME|NUMBER|FILE.wav", help="with --enhance: device to play on, or a file")
    parser.add_argument(
        "--dry", type=float, default=0.0, metavar="SHARE", help="with --enhance: share of the original to keep (0 to 1)"
    )


def listen(args: Arguments) -> None:
    if args.enhance is not None:
        return _listen_enhanced(args)
    from sonant.listen.here import listen_here
    from sonant.listen.source import from_file, from_microphone
    from sonant.listen.there import listen_there

    if (args.bundle is None) == (args.url is None):
        hint = "sonant listen store/speech@champion"
        raise ConfigError("config.invalid", "give a BUNDLE to listen with here, or the --url of a server", hint=hint)
    engine = None
    rate_hz = _SERVER_RATE_HZ
    if args.bundle is not None:
        from sonant.runtime.bundle import open_bundle
        from sonant.runtime.engine import Engine

        engine = Engine(open_bundle(args.bundle))
        rate_hz = engine.info.sample_rate_hz
    chunks = from_file(args.file, rate_hz, fast=args.fast) if args.file else from_microphone(rate_hz, args.device)
    if not args.file:
        say("listening; Ctrl-C stops it")
    if engine is not None:
        messages = listen_here(engine, chunks, rate_hz, point=args.point)
    else:
        messages = listen_there(args.url, chunks, rate_hz, token=os.environ.get("SONANT_TOKEN"))
    for message in messages:
        print(json.dumps(message, ensure_ascii=False), flush=True)


def _listen_enhanced(args: Arguments) -> None:
    from sonant.listen.enhance import by_bundle, by_server, enhance_live
    from sonant.listen.output import DeviceOutput, FileOutput
    from sonant.listen.source import Microphone, Played
    from sonant.runtime.bundle import open_bundle
    from sonant.runtime.denoiser import EnhanceEngine

    if args.bundle or args.url or args.point:
        raise ConfigError("config.invalid", "--enhance goes without BUNDLE, --url and --point")
    if not 0 <= args.dry <= 1:
        raise ConfigError("config.invalid", f"--dry {args.dry:g} is no share", hint="give a number from 0 to 1")
    rate_hz, own_delay_s = _SERVER_RATE_HZ, 0.0
    if "://" in args.enhance and args.enhance.startswith(("http", "ws")):
        enhance = by_server(args.enhance, dry=args.dry, token=os.environ.get("SONANT_TOKEN"))
    else:
        engine = EnhanceEngine(open_bundle(args.enhance))
        enhance, rate_hz = by_bundle(engine, dry=args.dry), engine.info.sample_rate_hz
        own_delay_s = (engine.hop + engine.info.latency) / rate_hz
    source = Played(args.file, rate_hz, fast=args.fast) if args.file else Microphone(args.device)
    place: str | None = args.output
    output = FileOutput(place) if place and place.lower().endswith(".wav") else DeviceOutput(place)
    if not args.file:
        say("listening; Ctrl-C stops it")
    reading = None
    for reading in enhance_live(source, enhance, output, own_delay_s=own_delay_s):
        print(f"\r{reading.line()}", end="", file=sys.stderr, flush=True)
    if reading is not None:
        say("")
        show({"audio_s": round(reading.time_s, 4), "lost_s": round(reading.lost_s, 4), "gaps": reading.gaps})


def _serve_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", help="name under configs/ (serve/kws), path or URL")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes: http_options.port=9000")


def serve(args: Arguments) -> None:
    from sonant.cluster.serve import Served, serve

    def ready(served: Served) -> None:
        say(f"ready: {served.url} ({served.proxy} proxy), console at {served.url}/, Ctrl-C stops it")

    serve(args.config, args.overrides, on_ready=ready)


def _ask_words(parser: argparse.ArgumentParser) -> None:
    from sonant.client import ROUTES, URL

    parser.add_argument("what", metavar="WHAT", choices=ROUTES, help=", ".join(ROUTES))
    parser.add_argument("file", metavar="FILE", help="audio file")
    parser.add_argument("--url", default=URL, help=f"address of the server; default: {URL}")
    parser.add_argument("--timeline", action="store_true", help="emotions: also how they change along the recording")
    parser.add_argument("--top-k", type=int, help="classifications: labels in the answer")
    parser.add_argument("--reference", action="append", default=[], help="extractions: a recording of the wanted voice")
    parser.add_argument("--speaker", metavar="ID", help="extractions: an enrolled speaker, instead of references")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="extractions, enhancements: .wav, .flac or .ogg to write; default: voice.wav, clean.wav",
    )
    parser.add_argument(
        "--dry", type=float, default=0.0, metavar="SHARE", help="enhancements: of what is sent (0 to 1)"
    )
    parser.add_argument("--store", action="store_true", help="enhancements: the server keeps the answer for a time")


def ask(args: Arguments) -> None:
    from sonant.client import ask, enhance, extract

    if args.what == "extractions":
        out = args.out or "voice.wav"
        return show(extract(args.url, args.file, out, references=args.reference, speaker=args.speaker))
    if args.what == "enhancements":
        return show(enhance(args.url, args.file, args.out or "clean.wav", dry=args.dry, store=args.store))
    options = {"emotions": {"timeline": args.timeline or None}, "classifications": {"top_k": args.top_k}}
    show(ask(args.url, args.what, args.file, **options[args.what]))


def _submit_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="VERB", choices=JOBS, help=", ".join(JOBS))
    parser.add_argument("--address", help="http://HEAD:8265; default: $RAY_ADDRESS")
    parser.epilog = "All other words are the verb's own."


def submit(args: Arguments) -> None:
    from sonant.cluster.submit import submit

    raise SystemExit(submit(args.job, args.rest, address=args.address))


def _models_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def models(args: Arguments) -> None:
    from sonant.measure.zoo import rows, table

    show(rows() if args.json else table(rows()))


def _validate_words(parser: argparse.ArgumentParser) -> None:
    _config_words(parser)
    parser.add_argument("--print", action="store_true", help="print the resolved config")


def validate(args: Arguments) -> None:
    from sonant.config.kinds import kind_of
    from sonant.config.load import check, dump, tree

    data = tree(args.config, args.overrides, smoke=args.smoke)
    config = check(kind_of(data), data, source=args.config)
    show(dump(config) if args.print else f"{args.config}: valid")


def _report_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("path", metavar="RUN|SWEEP", help="run or sweep folder")
    parser.add_argument("--out", metavar="FILE", help="where to write the page; default: report.html inside the folder")


def report(args: Arguments) -> None:
    from sonant.track.report import report

    show({"report": report(args.path, out=args.out)})


VERBS: dict[str, Verb] = {
    "prepare": Verb(
        "import or synthesise a corpus: manifest and shards; `check` looks for leaks", _prepare_words, prepare
    ),
    "train": Verb("train a network with Ray Train", _train_words, train),
    "tune": Verb("search architectures and settings with Ray Tune; the winner becomes a bundle", _tune_words, tune),
    "evaluate": Verb("judge a run or bundle on a corpus, or a config by folds of speakers", _evaluate_words, evaluate),
    "export": Verb("write a run's best checkpoint as a proven bundle", _export_words, export),
    "promote": Verb("copy a bundle to a store and move an alias to it", _promote_words, promote),
    "measure": Verb("size, speed and real-time factor of a bundle on this machine", _measure_words, measure),
    "infer": Verb("answers for files or a manifest, here or over a cluster", _infer_words, infer),
    "listen": Verb(
        "events of a microphone, or of a file played as if live; or its sound without noise", _listen_words, listen
    ),
    "serve": Verb("serve bundles over HTTP and WebSocket with Ray Serve", _serve_words, serve),
    "ask": Verb("send a recording to a running server and print its answer", _ask_words, ask),
    "submit": Verb("run a verb on a cluster as a Ray job and follow its log", _submit_words, submit),
    "models": Verb("list every network with its size and speed", _models_words, models),
    "validate": Verb("check a config, and print it resolved", _validate_words, validate),
    "report": Verb("one HTML file about a run or a sweep", _report_words, report),
}


JOBS = ("prepare", "train", "tune", "evaluate", "export", "promote", "measure", "infer", "report")
"""Verbs that run as jobs on a cluster: each has a file in jobs/."""

>>>>>>> h/eserve

EXTRAS = {
    "ray": "train,tune,serve",
    "optuna": "tune",
    "fastapi": "serve",
    "onnx": "export",
    "onnxscript": "export",
    "onnxruntime": "cpu",
    "espeakng_loader": "synth",
    "wandb": "review",
    "torchaudio": "pretrained",
    "websockets": "listen",
    "sounddevice": "listen",
}
"""The extra that brings a module."""


def usage() -> str:
    lines = [f"  {name:<10}{verb.about}" for name, verb in VERBS.items()]
    head = "usage: sonant VERB ... [--verbose]\n\nOne config in, one measured, deployable bundle out.\n\n"
    return head + "\n".join(lines) + "\n\n`sonant VERB --help` tells the words of a verb."


def parse(argv: Sequence[str]) -> Arguments:
    """Reads one verb's words, options and key=value in any order."""
    name, words = argv[0], list(argv[1:])
    verb = VERBS[name]
    parser = argparse.ArgumentParser(prog=f"sonant {name}", description=verb.about)
    parser.add_argument("--verbose", action="store_true", help="show log messages of the library")
    verb.words(parser)
    if name == "submit":
        args, rest = parser.parse_known_args(words)
        args.rest = rest
    else:
        args = parser.parse_intermixed_args(words)
    args.verb = name
    return args


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one verb; returns the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    if not argv or argv[0] in ("-h", "--help"):
        show(usage())
        return 0
    if argv[0] not in VERBS:
        near = difflib.get_close_matches(argv[0], VERBS, n=1)
        say(f"error: no verb {argv[0]!r}" + (f", did you mean {near[0]}?" if near else f": {', '.join(VERBS)}"))
        return 2
    args = parse(argv)
    logging.basicConfig(level=logging.INFO if args.verbose else logging.WARNING, format="%(name)s: %(message)s")
    try:
        result = VERBS[args.verb].run(args)
        if result is not None:
            show(result)
    except SonantError as error:
        say(error.line())
        return 2
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        hint = f"pip install 'sonant[{extra}]'"
        say(EnvError("env.missing_extra", f"`sonant {args.verb}` needs {error.name}", hint=hint).line())
        return 2
    except KeyboardInterrupt:
        say("stopped")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
