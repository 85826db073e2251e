"""Speech without its noise for many recordings, as files: see `infer_sound`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sonant.config.ray import RayConfig
from sonant.errors import ConfigError
from sonant.measure.infer_sound import Item, Line, SoundWriter, write_sounds
from sonant.runtime.bundle import open_bundle
from sonant.runtime.denoiser import EnhanceEngine
from sonant.runtime.scores import Floats


class EnhanceWriter(SoundWriter):
    """Takes the noise out of one recording after another."""

    suffix = "enhanced"

    def __init__(self, bundle_ref: str, out: str | None = None, dry: float = 0.0) -> None:
        self._engine, self._dry = EnhanceEngine(open_bundle(bundle_ref)), dry
        super().__init__(self._engine, out)

    def sound(self, wav_N: Floats, item: Item) -> tuple[Floats, Line]:
        """With the share `dry` of what went in."""
        return self._engine.enhance(wav_N, dry=self._dry), {}


def enhance_files(
    bundle_ref: str,
    recordings: Sequence[str],
    *,
    out: str | None = None,
    dry: float = 0.0,
    cluster: RayConfig | None = None,
) -> Iterator[Line]:
    """Writes each recording without its noise to <name>.enhanced.wav, beside it or in `out`; `dry` is the share of what
    went in that is kept. A recording that cannot be read is told in its place."""
    if not 0 <= dry <= 1:
        raise ConfigError("config.invalid", f"dry={dry:g} is no share", hint="give a number from 0 to 1")
    items = [Item.of(path) for path in recordings]
    return write_sounds(EnhanceWriter, bundle_ref, items, dry, out=out, cluster=cluster)
