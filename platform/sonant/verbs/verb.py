"""What a verb of the command line is, and how it talks to a person."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

Arguments = argparse.Namespace


@dataclass(frozen=True)
class Verb:
    """One verb: what it is for, the words it takes, and what it does."""

    about: str
    words: Callable[[argparse.ArgumentParser], None]
    run: Callable[[Arguments], object]
    """Shows its result itself, or gives it to be shown."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def show(value: object) -> None:
    """A result: text as it is, anything else as JSON."""
    print(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False), flush=True)


def config_words(parser: argparse.ArgumentParser) -> None:
    """The words of a verb that takes a config."""
    parser.add_argument("config", help="name under configs/ (kws/tc_resnet), path or URL")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes to the config: train.epochs=5")
    parser.add_argument("--smoke", action="store_true", help="apply the config's own smoke set: done in under a minute")


def spread_here() -> Callable[..., Iterator[str]]:
    """Ray Data over a cluster, or over this machine."""
    from sonant.cluster.spread import spread
    from sonant.config.ray import RayConfig

    return partial(spread, settings=RayConfig())


def bar(unit: str) -> Callable[[int, int], None]:
    """A progress line that rewrites itself on a terminal and is silent elsewhere."""

    def update(done: int, total: int) -> None:
        if sys.stderr.isatty():
            filled = 30 * done // max(total, 1)
            end = "\n" if done == total else ""
            print(f"\r{'#' * filled:<30} {done}/{total} {unit}", end=end, file=sys.stderr, flush=True)

    return update
