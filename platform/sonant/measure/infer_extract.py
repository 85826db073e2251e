"""The wanted voice of many mixtures, as files: see `infer_sound`. Lines also tell `presence`, the mean probability that
the voice is there (null: the network does not tell)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sonant.audio.decode import decode_path
from sonant.config.ray import RayConfig
from sonant.measure.infer import MAX_S
from sonant.measure.infer_sound import Line, SoundWriter, write_sounds
from sonant.runtime.bundle import open_bundle
from sonant.runtime.scores import Floats, sigmoid
from sonant.runtime.voices import VoiceEngine
from sonant.track import files


class VoiceWriter(SoundWriter):
    """Extracts the voice of some references from one mixture after another."""

    suffix = "extracted"

    def __init__(self, bundle_ref: str, references: Sequence[str], out: str | None = None) -> None:
        self._engine = VoiceEngine(open_bundle(bundle_ref))
        super().__init__(self._engine, out)
        rate_hz = self._engine.info.sample_rate_hz
        self._voice_E = self._engine.enroll(
            [decode_path(files.absolute(url), rate_hz=rate_hz, max_s=MAX_S) for url in references]
        )

    def sound(self, wav_N: Floats) -> tuple[Floats, Line]:
        """And whether the voice is there."""
        given_N, presence_F = self._engine.extract(wav_N, self._voice_E)
        return given_N, {"presence": None if presence_F is None else round(float(sigmoid(presence_F).mean()), 6)}


def extract_files(
    bundle_ref: str,
    mixtures: Sequence[str],
    references: Sequence[str],
    *,
    out: str | None = None,
    cluster: RayConfig | None = None,
) -> Iterator[Line]:
    """Writes the voice of the references as it is in each mixture to <name>.extracted.wav, beside it or in `out`.

    References are files or URLs of the one wanted speaker alone. A mixture that cannot be read is told in its place.
    """
    return write_sounds(VoiceWriter, (bundle_ref, tuple(references), out), mixtures, out=out, cluster=cluster)
