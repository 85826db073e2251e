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
from collections.abc import Sequence

from sonant.errors import EnvError, SonantError
from sonant.verbs import about, bundles, corpora, hearing, rollouts, runs, servers
from sonant.verbs.servers import JOBS
from sonant.verbs.verb import Arguments, Verb, say, show

__all__ = ["JOBS", "VERBS", "main"]

_KNOWN = corpora.VERBS | runs.VERBS | bundles.VERBS | hearing.VERBS | servers.VERBS | rollouts.VERBS | about.VERBS
_ROAD = """
    prepare train tune evaluate export promote rollback measure infer transcribe listen stream serve rollouts keys
    doctor ask submit models validate report
"""
VERBS: dict[str, Verb] = {name: _KNOWN[name] for name in _ROAD.split()}
"""In the order of the road."""

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
    "httpx": "client",
    "websockets": "client",
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
