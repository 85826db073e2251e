"""The verb `rollouts`: how candidates do beside the bundles that answer, as a table or JSON."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sonant.verbs.verb import Arguments, Verb, show

if TYPE_CHECKING:
    from sonant.client.answers import Rollout

_COUNTS = ("compared", "failed", "dropped", "skipped")
_ABOUT = {
    "agreement": "agreement (1: the same)",
    "probability": "largest difference of a probability",
    "level_db": "level of the candidate's sound, dB",
    "si_sdr_db": "SI-SDR between the sounds, dB",
    "champion_s": "champion's time, s",
    "candidate_s": "candidate's time, s",
}


def _words(parser: argparse.ArgumentParser) -> None:
    from sonant.client import URL

    parser.add_argument("--url", default=URL, help=f"address of the server; default: {URL}")
    parser.add_argument("--json", action="store_true", help="everything, as /v1/rollouts answers it")


def rollouts(args: Arguments) -> None:
    """Shows the candidates of a running server."""
    from sonant.client import Client

    told = Client(args.url, os.environ.get("SONANT_TOKEN")).rollouts()
    show({"rollouts": [one.model_dump(mode="json") for one in told]} if args.json else table(told))


def table(told: Sequence[Rollout]) -> str:
    """What /v1/rollouts answers, for people."""
    return "\n".join(line for one in told for line in _lines(one)) or "no application has a canary or a shadow"


def _lines(one: Rollout) -> Iterator[str]:
    yield f"{one.application} ({one.route}): {one.model}"
    if one.canary is not None:
        yield f"  canary  {one.canary.model} answers {one.canary.share:.1%}"
    if (shadow := one.shadow) is None:
        return
    yield f"  shadow  {shadow.model} hears {shadow.share:.1%}"
    yield "          " + ", ".join(f"{getattr(shadow, name)} {name}" for name in _COUNTS)
    if shadow.measures:
        yield f"          {'':<36}{'mean':>10}{'p5':>10}{'p50':>10}{'p95':>10}"
    for name, about in _ABOUT.items():
        if (values := shadow.measures.get(name)) is not None:
            yield f"          {about:<36}" + "".join(f"{values[key]:>10.4g}" for key in ("mean", "p5", "p50", "p95"))
    yield "          ready to be promoted" if shadow.ready else f"          not ready: {'; '.join(shadow.lacks)}"


VERBS: dict[str, Verb] = {
    "rollouts": Verb("how a server's candidates compare with what answers", _words, rollouts),
}
