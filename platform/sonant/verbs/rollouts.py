"""The verb `rollouts`: how candidates do beside the bundles that answer, as a table or JSON."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from typing import Any

from sonant.verbs.verb import Arguments, Verb, show

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
    from sonant.client import get

    told = get(args.url, "/v1/rollouts", token=os.environ.get("SONANT_TOKEN"))
    show(told if args.json else table(told))


def table(told: Mapping[str, Any]) -> str:
    """What /v1/rollouts answers, for people."""
    lines = [line for one in told["rollouts"] for line in _lines(one)]
    return "\n".join(lines) or "no application has a canary or a shadow"


def _lines(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"{one['application']} ({one['route']}): {one['model']}"
    canary, shadow = one["canary"], one["shadow"]
    if canary is not None:
        yield f"  canary  {canary['model']} answers {canary['share']:.1%}"
    if shadow is None:
        return
    yield f"  shadow  {shadow['model']} hears {shadow['share']:.1%}"
    yield "          " + ", ".join(f"{shadow[name]} {name}" for name in _COUNTS)
    if shadow["measures"]:
        yield f"          {'':<36}{'mean':>10}{'p5':>10}{'p50':>10}{'p95':>10}"
    for name, about in _ABOUT.items():
        if name in shadow["measures"]:
            values = shadow["measures"][name]
            yield f"          {about:<36}" + "".join(f"{values[key]:>10.4g}" for key in ("mean", "p5", "p50", "p95"))
    yield "          ready to be promoted" if shadow["ready"] else f"          not ready: {'; '.join(shadow['lacks'])}"


VERBS: dict[str, Verb] = {
    "rollouts": Verb("how a server's candidates compare with what answers", _words, rollouts),
}
