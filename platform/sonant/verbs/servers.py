"""Verbs of those who run a server or a cluster: `serve`, `keys`, `doctor`, `submit`."""

from __future__ import annotations

import argparse
import os
from typing import Any

from sonant.errors import ConfigError, EnvError
from sonant.verbs.verb import Arguments, Verb, say, show

JOBS = ("prepare", "train", "tune", "evaluate", "export", "promote", "measure", "infer", "transcribe", "report")
"""Verbs that run as jobs on a cluster: each has a file in jobs/."""


def _serve_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", help="name under configs/ (serve/kws), path or URL")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="changes: http_options.port=9000")
    parser.add_argument(
        "--into", nargs="?", const="", metavar="ADDRESS",
        help="deploy where a server runs already, and return: what changed is replaced, all else is not touched; "
        "address of its Ray, default: $RAY_ADDRESS, or the one on this machine",
    )  # fmt: skip


def serve(args: Arguments) -> Any:
    from sonant.cluster.serve import Served, into, serve

    if args.into is not None:
        served = into(args.config, args.overrides, args.into)
        return {"url": served.url, "replaced": list(served.changed)}

    def ready(served: Served) -> None:
        say(f"ready: {served.url} ({served.proxy} proxy), console at {served.url}/, Ctrl-C stops it")
        say(f"its Ray: {served.ray}, for `sonant promote --serve {served.ray}`")

    serve(args.config, args.overrides, on_ready=ready)


def _keys_words(parser: argparse.ArgumentParser) -> None:
    from sonant.edge.keys import RIGHTS

    parser.add_argument("act", choices=["add", "list", "revoke"], help="what to do with the keys of a file")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of the key; with revoke also its id")
    parser.add_argument("--file", default="keys.json", help="file of hashed keys; default: keys.json")
    parser.add_argument("--rights", default="infer,stream", help=f"of a new key: {','.join(RIGHTS)}")
    parser.add_argument("--days", type=float, help="how long a new key is good; default: until it is revoked")
    parser.add_argument("--requests-per-min", type=float, metavar="N", help="limit of a new key, on each replica")
    parser.add_argument("--audio-s-per-min", type=float, metavar="S", help="seconds of sound, likewise")


def keys(args: Arguments) -> Any:
    from sonant.edge import keys

    if args.act == "list":
        return [keys.told(key) for key in keys.read(args.file).keys]
    if args.name is None:
        raise ConfigError("config.invalid", f"whose key? `sonant keys {args.act} NAME`", hint="sonant keys add ada")
    if args.act == "revoke":
        return {"revoked": keys.told(keys.revoke(args.file, args.name))}
    key, token = keys.create(
        args.name,
        keys.rights(args.rights),
        life_s=None if args.days is None else 86_400 * args.days,
        requests_per_min=args.requests_per_min,
        audio_s_per_min=args.audio_s_per_min,
    )
    keys.add(args.file, key)
    return {"key": token, "note": "shown once: keep it like a password", **keys.told(key)}


def _doctor_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subject", nargs="?", metavar="ADDRESS|SERVE_FILE",
        help="dashboard of a cluster (http://HEAD:8265), or name of a serve file; default: $RAY_ADDRESS",
    )  # fmt: skip
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="of the serve file: http_options.host=0.0.0.0"
    )


def _examined(args: Arguments) -> tuple[str, EnvError | None]:
    """All findings, and the first that is bad."""
    from sonant.cluster import doctor

    findings = doctor.examine(args.subject, args.overrides, environment=os.environ)
    bad = next((one for one in findings if one.state == "bad"), None)
    error = None if bad is None else EnvError(bad.code, f"{bad.what}: {bad.told}", hint=bad.hint or None)
    return doctor.table(findings), error


def doctor(args: Arguments) -> None:
    text, error = _examined(args)
    show(text)
    if error is not None:
        raise error


def _submit_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("job", metavar="VERB", choices=JOBS, help=", ".join(JOBS))
    parser.add_argument("--address", help="http://HEAD:8265; default: $RAY_ADDRESS")
    parser.epilog = "All other words are the verb's own."


def submit(args: Arguments) -> None:
    from sonant.cluster.submit import submit

    raise SystemExit(submit(args.job, args.rest, address=args.address))


VERBS: dict[str, Verb] = {
    "serve": Verb("serve bundles over HTTP and WebSocket with Ray Serve", _serve_words, serve),
    "keys": Verb("make, list and revoke the API keys of a server", _keys_words, keys),
    "doctor": Verb("check this machine, a cluster or a serve file", _doctor_words, doctor),
    "submit": Verb("run a verb on a cluster as a Ray job and follow its log", _submit_words, submit),
}
