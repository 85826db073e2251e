"""Augmentation parameters: one vector of uniform numbers a clip, turned into ranges for a whole batch at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonant.config.data import Augment
from sonant.data.augment.noise import BANK_SAMPLES, SLOPES
from sonant.data.rng import Purpose, rng

# Ratio of direct to reverberant energy: from near the microphone to across the room.
_DRR_DB = (-3.0, 15.0)
# Pause between a word and the context before it, and between the word and the end of the clip.
_GAP_S = (0.02, 0.15)
_TAIL_S = (0.0, 0.1)

# One number each, in this order: changing it changes every draw.
_NAMES = (
    "shift", "crop", "context", "partner", "gap", "tail", "speed", "gain", "noisy", "snr", "floor", "colour", "start",
    "room", "rt60", "drr", "room_start", "noise_row", "noise_start", "tilt",
    "tempo",
)  # fmt: skip
_Uniform = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Placement:
    """Where a clip lies in its window, for the loader; all arrays are (B,)."""

    shift_s: NDArray[np.float64]
    """From the middle."""
    crop: NDArray[np.float64]
    """Where a clip longer than the window is cut, 0..1."""
    context: NDArray[np.bool_]
    """Whether the clip moves to the end of the window, behind the end of another one."""
    partner: NDArray[np.float64]
    """Which other clip, 0..1."""
    gap_s: NDArray[np.float64]
    tail_s: NDArray[np.float64]
    noise_row: NDArray[np.float64]
    """Which clip of the noise corpus, 0..1, and where in it."""
    noise_start: NDArray[np.float64]


@dataclass(frozen=True)
class Draws:
    """What `apply` does to the clips of a batch: tensors, moved with it to the device."""

    sample_rate_hz: int
    speed_B: Tensor | None
    """None: nobody's speed changes."""
    tilt_B: Tensor | None
    """Weight of the sample before in a filter of two taps. None: nobody's colour changes."""
    gain_B: Tensor
    snr_db_B: Tensor
    """Infinity: no noise."""
    floor_B: Tensor
    """RMS of the faint noise."""
    colour_B: Tensor
    """Row of the noise bank, and where in it this clip's noise begins."""
    start_B: Tensor
    rooms_R: Tensor
    """Indices of the clips that are put into a room; the next three are theirs."""
    rt60_s_R: Tensor
    reverb_R: Tensor
    """Energy of the reverberation when that of the direct sound is 1."""
    room_start_R: Tensor
    room_samples: int
    """Length of the longest impulse response."""
    masks_BM4: Tensor
    """SpecAugment: (f0, f1, t0, t1) as fractions."""
    tempo_B: Tensor | None = None
    """Features are played so many times as fast. None: nobody's tempo changes."""
    noise_BN: Tensor | None = None
    """int16, from a noise corpus; None: noise comes from the bank."""

    def to(self, device: torch.device | str) -> Draws:
        tensors = {f.name: value for f in fields(self) if isinstance(value := getattr(self, f.name), Tensor)}
        return replace(self, **{name: tensor.to(device, non_blocking=True) for name, tensor in tensors.items()})

    def with_noise(self, noise_BN: Tensor) -> Draws:
        return replace(self, noise_BN=noise_BN)


def draw(
    cfg: Augment, seed: int, epoch: int | Sequence[int], row: Sequence[int], *, sample_rate_hz: int
) -> tuple[Placement, Draws]:
    """Parameters for the clips `row` (B) in `epoch` (one, or one for each clip)."""
    epochs = [epoch] * len(row) if isinstance(epoch, int) else epoch
    masks = cfg.freq_masks + cfg.time_masks
    numbers = len(_NAMES) + 2 * masks
    table_BU = np.stack([rng(Purpose.AUGMENT, seed, e, r).random(numbers) for e, r in zip(epochs, row, strict=True)])
    u: _Uniform = dict(zip(_NAMES, table_BU.T, strict=False))
    masks_BM4 = _masks(cfg, table_BU[:, len(_NAMES) :].reshape(len(row), masks, 2))
    return _placement(cfg, u), _draws(cfg, u, masks_BM4, sample_rate_hz)


def _placement(cfg: Augment, u: _Uniform) -> Placement:
    return Placement(
        shift_s=_between((-cfg.shift_ms / 1000, cfg.shift_ms / 1000), u["shift"]),
        crop=u["crop"],
        context=u["context"] < cfg.context_p,
        partner=u["partner"],
        gap_s=_between(_GAP_S, u["gap"]),
        tail_s=_between(_TAIL_S, u["tail"]),
        noise_row=u["noise_row"],
        noise_start=u["noise_start"],
    )


def _draws(cfg: Augment, u: _Uniform, masks_BM4: NDArray[np.float64], sample_rate_hz: int) -> Draws:
    rooms = np.flatnonzero(u["room"] < cfg.room_p)
    snr_db = np.where(u["noisy"] < cfg.noise_p, _between(cfg.noise_snr_db, u["snr"]), np.inf)
    return Draws(
        sample_rate_hz=sample_rate_hz,
        speed_B=_float(_between((1 - cfg.speed, 1 + cfg.speed), u["speed"])) if cfg.speed else None,
        tilt_B=_float(_between((-cfg.tilt, cfg.tilt), u["tilt"])) if cfg.tilt else None,
        gain_B=_float(_amplitude(_between((-cfg.gain_db, cfg.gain_db), u["gain"]))),
        snr_db_B=_float(snr_db),
        floor_B=_float(_amplitude(_between(cfg.floor_dbfs, u["floor"]))),
        colour_B=_index(u["colour"], len(SLOPES)),
        start_B=_index(u["start"], BANK_SAMPLES),
        rooms_R=torch.from_numpy(rooms),
        rt60_s_R=_float(_between(cfg.room_rt60_s, u["rt60"])[rooms]),
        reverb_R=_float(_amplitude(-_between(_DRR_DB, u["drr"])[rooms]) ** 2),
        room_start_R=_index(u["room_start"][rooms], BANK_SAMPLES),
        room_samples=round(cfg.room_rt60_s[1] * sample_rate_hz),
        masks_BM4=_float(masks_BM4),
        tempo_B=_float((1 + cfg.tempo) ** _between((-1.0, 1.0), u["tempo"])) if cfg.tempo else None,
    )


def _masks(cfg: Augment, u_BM2: NDArray[np.float64]) -> NDArray[np.float64]:
    """Park et al. 2019, arXiv:1904.08779: widths uniform up to the widest, places uniform; bands first."""
    widest_M = np.array([cfg.freq_mask_max] * cfg.freq_masks + [cfg.time_mask_max] * cfg.time_masks)
    width_BM = u_BM2[..., 0] * widest_M
    first_BM = u_BM2[..., 1] * (1 - width_BM)
    spans_BM2 = np.stack([first_BM, first_BM + width_BM], axis=-1)
    masks_BM4 = np.tile([0.0, 1.0, 0.0, 1.0], (*width_BM.shape, 1))
    masks_BM4[:, : cfg.freq_masks, :2] = spans_BM2[:, : cfg.freq_masks]
    masks_BM4[:, cfg.freq_masks :, 2:] = spans_BM2[:, cfg.freq_masks :]
    return masks_BM4


def _between(span: tuple[float, float], u_B: NDArray[np.float64]) -> NDArray[np.float64]:
    return span[0] + (span[1] - span[0]) * u_B


def _amplitude(db_B: NDArray[np.float64]) -> NDArray[np.float64]:
    return 10 ** (db_B / 20)


def _float(values: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(values.astype(np.float32))


def _index(u_B: NDArray[np.float64], count: int) -> Tensor:
    return torch.from_numpy((u_B * count).astype(np.int64))
