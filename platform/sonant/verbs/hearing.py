"""Verbs that hear something themselves, or ask a server that does: `transcribe`, `listen`, `ask`."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sonant.errors import ConfigError
from sonant.verbs.verb import Arguments, Verb, say, show

if TYPE_CHECKING:
    from sonant.client import Client, Sound
    from sonant.client.answers import Told

_URL = "http://127.0.0.1:8000"
_SERVER_RATE_HZ = 16_000
"""Rate of what is sent to a server: it takes any."""


def _transcribe_words(parser: argparse.ArgumentParser) -> None:
    importlib.import_module("sonant.measure.transcribe_verb").add_words(parser)


def transcribe(args: Arguments) -> None:
    from sonant.measure import transcribe_verb

    for line in transcribe_verb.lines(args):
        print(line, flush=True)


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


def _stream_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a recording, played as if it were live")
    parser.add_argument("--url", required=True, help="a served application: http://127.0.0.1:8000/v1/audio/extractions")
    parser.add_argument("--out", metavar="FILE.wav", help="where sound that comes back is written")
    parser.add_argument("--fast", action="store_true", help="do not wait for the time that it takes")
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument("--speaker", metavar="ID", help="an extractor's wanted voice: an enrolled speaker")
    wanted.add_argument("--reference", metavar="FILE", help="the same: a recording of the voice")


def stream(args: Arguments) -> None:
    from sonant.listen.stream import stream_file

    told = stream_file(
        args.file,
        args.url,
        out=args.out,
        speaker=args.speaker,
        reference=args.reference,
        fast=args.fast,
        token=os.environ.get("SONANT_TOKEN"),
    )
    for message in told:
        print(json.dumps(message, ensure_ascii=False), flush=True)


def _ask_words(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", metavar="WHAT", choices=ASKED, help=", ".join(ASKED))
    parser.add_argument("file", metavar="FILE", help="audio file")
    parser.add_argument("--url", default=_URL, help=f"address of the server; default: {_URL}")
    parser.add_argument("--timeline", action="store_true", help="emotions: also how they change along the recording")
    parser.add_argument("--top-k", type=int, help="classifications: labels in the answer")
    parser.add_argument("--point", metavar="NAME", help="detections, verifications: operating point; /info lists them")
    parser.add_argument(
        "--reference", action="append", default=[], help="extractions, verifications: a recording of the wanted voice"
    )
    parser.add_argument("--speaker", metavar="ID", help="the same: an enrolled speaker, instead of references")
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
    from sonant.client import Client, Sound

    answer = ASKED[args.what](Client(args.url, os.environ.get("SONANT_TOKEN")), args)
    if not isinstance(answer, Sound):
        return show(answer.model_dump(mode="json", exclude_unset=True))
    out = _out(args)
    answer.save(out)
    show({"path": args.file, "out": out, **answer.facts()})


def _out(args: Arguments) -> str:
    """Where the sound goes."""
    return args.out or ("clean.wav" if args.what == "enhancements" else "voice.wav")


def _form(args: Arguments) -> Any:
    """The format that it is to have."""
    return os.path.splitext(_out(args))[1].lower().removeprefix(".")


def _verified(client: Client, args: Arguments) -> Told:
    if len(args.reference) + (args.speaker is not None) != 1:
        hint = "sonant ask verifications a.wav --reference b.wav"
        raise ConfigError("config.invalid", "verifications take one --reference, or a --speaker", hint=hint)
    return client.verify(args.file, *args.reference, speaker=args.speaker, operating_point=args.point)


ASKED: dict[str, Callable[[Client, Arguments], Told | Sound]] = {
    "classifications": lambda client, args: client.classify(args.file, top_k=args.top_k),
    "emotions": lambda client, args: client.emotions(args.file, timeline=args.timeline),
    "detections": lambda client, args: client.detect(args.file, operating_point=args.point),
    "embeddings": lambda client, args: client.embed(args.file),
    "verifications": _verified,
    "extractions": lambda client, args: client.extract(
        args.file, args.reference, speaker=args.speaker, form=_form(args)
    ),
    "enhancements": lambda client, args: client.enhance(args.file, dry=args.dry, store=args.store, form=_form(args)),
    "transcriptions": lambda client, args: client.transcribe(args.file),
}
"""What `sonant ask` asks, by the last word of the route."""


VERBS: dict[str, Verb] = {
    "transcribe": Verb("what is said in recordings, as JSON, text or subtitles", _transcribe_words, transcribe),
    "listen": Verb(
        "events of a microphone, or of a file played as if live; or its sound without noise", _listen_words, listen
    ),
    "stream": Verb("play a recording to a server as if live, through cuts of the connection", _stream_words, stream),
    "ask": Verb("send a recording to a running server and print its answer", _ask_words, ask),
}
