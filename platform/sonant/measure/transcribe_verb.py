"""The words of `sonant transcribe` and of `sonant evaluate --transcripts`, and what they come to."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any, get_args

from sonant.config.load import load
from sonant.config.ray import RayConfig
from sonant.config.transcribe import EnhanceMode, TranscribeConfig
from sonant.errors import DataError
from sonant.measure.transcribe import transcribe, written
from sonant.measure.transcripts import evaluate_transcripts
from sonant.runtime.transcribe.formats import FORMS
from sonant.runtime.transcribe.heard import Ask


def add_words(parser: argparse.ArgumentParser) -> None:
    """The words of `sonant transcribe`."""
    parser.add_argument("config", help="name under configs/ (transcribe/sphinx), path or URL")
    parser.add_argument(
        "inputs", nargs="+", metavar="FILE|MANIFEST|key=value", help="recordings, and changes to the config"
    )
    parser.add_argument("--format", default="json", choices=list(FORMS), help="JSON lines, or texts one after another")
    parser.add_argument("--language", metavar="CODE", help="ISO 639-1; default: the engine's guess")
    parser.add_argument("--prompt", metavar="WORDS", help="names and words that may occur")
    parser.add_argument("--words", action="store_true", help="with verbose_json: also the times of words")
    parser.add_argument(
        "--enhance", choices=get_args(EnhanceMode), help="clean the sound first; default: as configured"
    )
    parser.add_argument("--cluster", action="store_true", help="spread the work over a Ray cluster with Ray Data")
    parser.add_argument("--out", metavar="FOLDER", help="write a file for each recording here instead of stdout")


def lines(args: argparse.Namespace) -> Iterator[str]:
    """What `sonant transcribe` prints. A word with an equals sign that is no file changes the config."""
    overrides = [word for word in args.inputs if "=" in word and not os.path.exists(word)]
    inputs = [word for word in args.inputs if word not in overrides]
    if not inputs:
        raise DataError("data.empty", "no recording is named", hint="sonant transcribe CONFIG FILE ...")
    config = load(TranscribeConfig, args.config, overrides)
    ask = Ask(language=args.language, prompt=args.prompt, words=args.words, enhance=args.enhance)
    found = transcribe(config, inputs, ask, cluster=RayConfig() if args.cluster else None)
    return written(found, args.format, out=args.out, words=args.words)


def error_rates(args: argparse.Namespace) -> dict[str, Any]:
    """What `sonant evaluate CONFIG MANIFEST [key=value ...] --transcripts` prints."""
    if not args.data:
        hint = "sonant evaluate CONFIG MANIFEST --transcripts"
        raise DataError("data.not_found", "--transcripts needs a MANIFEST", hint=hint)
    manifest, *overrides = args.data
    config = load(TranscribeConfig, args.subject, overrides)
    cluster = RayConfig() if args.cluster else None
    return evaluate_transcripts(config, manifest, split=args.split, out=args.out, cluster=cluster)
