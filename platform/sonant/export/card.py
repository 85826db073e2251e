"""card.md: what a bundle is, in words, made from its own records."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from sonant.config.experiment import Experiment
from sonant.runtime.info import BundleInfo, DetectInfo, EmbedInfo, Rate

_SHOWN_LABELS = 60
_TRAINED_ON = {"extract": "mixtures", "enhance": "noisy speech"}
_LINKS = {"softmax": "a softmax", "sigmoid": "sigmoids (each label for itself: they need not sum to 1)"}


def card(info: BundleInfo, config: Experiment) -> str:
    """The card of a bundle whose description is complete but for its files."""
    sections = (_title(info, config), _data(info, config), _metrics(info), _proof(info), _limits(info), _use(info))
    return "\n".join(sections)


def _title(info: BundleInfo, config: Experiment) -> str:
    live = "does not run live"
    if info.hop is not None:
        live = f"runs live: a frame each {info.hop_ms:g} ms, pooled over {info.window_ms:g} ms"
    if (info.detect is not None or info.sound is not None) and info.hop is not None:
        live = f"runs live, {1000 * info.latency / info.sample_rate_hz:g} ms behind"
    gives = (
        f"a vector of {info.embed.size} numbers for each recording, to be compared by the cosine"
        if info.embed is not None
        else "the voice of one speaker, of whom it is given a reference, out of a mixture with others"
        if info.extract is not None
        else "speech without the noise that it came with"
        if info.enhance is not None
        else f"one of {len(info.labels)} labels for each clip of sound"
        if info.detect is None
        else f"the segments in which {len(info.labels)} label(s) are heard, from frames of "
        f"{1000 * info.detect.layout.frame / info.sample_rate_hz:g} ms"
    )
    about = _text(
        f"A `{config.model.kind}` network that gives {gives}.",
        f"It takes mono samples at {info.sample_rate_hz} Hz, was trained on"
        f" {_TRAINED_ON.get(info.task, 'clips')} of {info.clip_s:g} s, and {live}.",
    )
    labels = f"\nLabels: {_labels(info.labels)}\n" if info.labels else ""
    return f"# {info.name}\n\nVersion {info.version}, made {info.created}.\n\n{about}{labels}"


def _text(*sentences: str) -> str:
    return textwrap.fill(" ".join(sentences), 120, break_long_words=False, break_on_hyphens=False) + "\n"


def _labels(labels: tuple[str, ...]) -> str:
    shown = ", ".join(f"`{label}`" for label in labels[:_SHOWN_LABELS])
    return shown if len(labels) <= _SHOWN_LABELS else f"{shown} and {len(labels) - _SHOWN_LABELS} more"


def _data(info: BundleInfo, config: Experiment) -> str:
    source = info.provenance
    about = _text(
        f"Corpus `{source.corpus}` (sha256 of its manifest: {source.corpus_sha256[:16] or 'unknown'}),",
        f"split `{config.data.split.kind}`.",
        f"Run `{source.run}`, commit {source.commit or 'unknown'}, seed {config.seed}.",
    )
    return f"## Data\n\n{about}"


def _metrics(info: BundleInfo) -> str:
    rows = _table({"metric": "value"} | {name: f"{value:.4f}" for name, value in info.metrics.items()})
    about = f"## Metrics\n\nOf the weights in this bundle, measured when they were trained.\n\n{rows}\n"
    if info.embed is not None:
        return f"{about}\n{_thresholds(info.embed)}"
    return about if info.detect is None else f"{about}\n{_points(info, info.detect)}"


def _thresholds(embed: EmbedInfo) -> str:
    head = {"operating point": "cosine | different taken for same | same taken for different"}
    rows = {
        name: f"{point.threshold:.3f} | {_rate(point.false_accept)} | {_rate(point.false_reject)}"
        for name, point in embed.points.items()
    }
    point = embed.points[embed.default]
    about = _text(
        f"Two recordings are of the same {embed.target} from a cosine on that was chosen on {point.same} same and",
        f"{point.different} different pairs of validation recordings, with 95 % intervals; `{embed.default}` is used",
        "unless another is asked for.",
    )
    return f"{about}\n{_table(head | rows)}\n"


def _points(info: BundleInfo, detect: DetectInfo) -> str:
    head = {"operating point, label": "on | off | missed frames | false frames | false alarms an hour"}
    rows = {
        f"{name}, {label}": " | ".join(
            (
                f"{point.postprocess.on:.3f}",
                f"{point.postprocess.off:.3f}",
                *(_rate(rate) for rate in (point.miss, point.false_alarm, point.false_alarms_per_hour)),
            )
        )
        for name, points in detect.points.items()
        for label, point in zip(info.labels, points, strict=True)
    }
    hours = max(point.hours for points in detect.points.values() for point in points)
    about = _text(
        f"Operating points, chosen and measured on {60 * hours:.1f} minutes of validation recordings, with 95 %",
        f"intervals; `{detect.default}` is used unless another is asked for.",
    )
    return f"{about}\n{_table(head | rows)}\n"


def _rate(rate: Rate) -> str:
    return f"{rate.value:.3g} ({rate.low:.3g} to {rate.high:.3g})"


def _proof(info: BundleInfo) -> str:
    rows = _table(
        {"compared": "cases | largest error | allowed"}
        | {c.what: f"{c.cases} | {c.error:.2e} | {c.tolerance:.0e}" for c in info.parity.values()}
    )
    what = "of sound, relative to its largest value" if info.sound is not None else "of a logit"
    return f"## Proof\n\nLargest difference {what}, measured before this bundle was written.\n\n{rows}\n"


def _table(rows: Mapping[str, str]) -> str:
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    rule = "|" + "---|" * (lines[0].count("|") - 1)
    return "\n".join((lines[0], rule, *lines[1:]))


def _limits(info: BundleInfo) -> str:
    background = ", ".join(f"`{label}`" for label in info.background if label in info.labels)
    about = _text(
        "Who was trained on is not in this bundle, and the layer that told them apart is left out. Vectors of other"
        " bundles, or of another version of this one, mean something else."
        if info.embed is not None
        else "Who was trained on is not in this bundle. Voices that it makes of references mean nothing to others."
        if info.extract is not None
        else "What it takes for noise is gone: `--dry` mixes some of what went in with what comes out."
        if info.enhance is not None
        else "Where no segment is, none of the labels was heard."
        if info.detect is not None
        else f"Sound that is none of the labels is meant to come out as {background}."
        if background
        else "It has no label for other sound: whatever it hears, it names one of its labels.",
        "It knows no voices, rooms, microphones and noises but those of its corpus; the metrics above say nothing",
        "about others.",
        *(() if info.sound is not None else _scores(info)),
    )
    return f"## Limits\n\n{about}"


def _scores(info: BundleInfo) -> tuple[str, ...]:
    return (
        f"Scores of clips are {_LINKS[info.link.kind]} of logits divided by {info.temperature:.3g}:",
        "fitted on the validation clips; `ece` is the calibration error before, `ece_calibrated` after. Live scores",
        "are plain.",
    )


def _use(info: BundleInfo) -> str:
    live = (
        f"Live, a label is an event from a probability of {info.events.threshold:g}, averaged over"
        f" {info.events.smooth_ms:g} ms. "
        if info.hop is not None and info.task == "classify"
        else ""
    )
    about = _text(
        f"{live}The folder is verified file by file when it is opened: a changed byte or a missing proof is refused."
    )
    infer = {"extract": "mixture.wav --reference voice.wav", "enhance": "noisy.wav"}.get(info.task, "recording.wav")
    return f"## Use\n\n    sonant infer BUNDLE {infer}\n    sonant promote BUNDLE champion\n\n{about}"
