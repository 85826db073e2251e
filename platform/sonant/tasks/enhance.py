"""Enhance: speech without its noise. What training calls scores are measures of each item."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sonant.config.task import EnhanceTask
from sonant.data.noisy.batch import NoisyBatch
from sonant.losses.absent import absent_energy
from sonant.losses.enhancement import Weights, enhancement
from sonant.losses.si_sdr import si_sdr
from sonant.losses.snr import snr
from sonant.tasks.task import Network, Scores

NOISE_ONLY, NOISY, CLEAN_ONLY = 0, 1, 2
"""Labels of items: without speech, with both, without noise."""
MEASURES = ("si_sdr", "si_sdr_noisy", "snr", "snr_noisy", "left_db")
"""Columns of a score, in dB: ratios of the output and of the noisy speech, energy of the output over the noisy
speech's."""
_CEILING_DB = 100.0


class Enhance:
    """The task of an enhancement network. Letters: B batch, N samples, M measures."""

    of_frames = False
    kinds = ("noise_only", "noisy", "clean_only")
    measures = MEASURES
    summary = "enhancement"
    metric_names = ("si_sdri", "si_sdr", "si_sdr_noisy", "snr", "left_db", "harmed_db")

    def __init__(self, cfg: EnhanceTask) -> None:
        self.cfg, self.labels = cfg, ()

    def inputs(self, batch: NoisyBatch, *, training: bool = False) -> NoisyBatch:
        """Noisy speech comes as it is."""
        return batch

    def loss(self, model: nn.Module, inputs: NoisyBatch) -> Tensor:
        """What training makes small, a scalar."""
        cfg = self.cfg
        return enhancement(
            model(inputs.noisy_BN),
            inputs.clean_BN,
            inputs.noisy_BN,
            inputs.samples_B,
            weights=Weights(cfg.l1, cfg.si_sdr, cfg.snr, cfg.stft, cfg.compressed, cfg.absent),
            compression=cfg.compression,
            ceiling_db=cfg.ceiling_db,
            floor_db=cfg.absent_floor_db,
        )

    def score(self, network: Network, batch: NoisyBatch) -> Scores:
        """MEASURES of each item; the label is NOISE_ONLY, NOISY or CLEAN_ONLY."""
        return Scores(batch.row_B, kinds(batch.snr_db_B), self.measure(network(batch.noisy_BN), batch))

    def measure(self, wav_BN: Tensor, batch: NoisyBatch) -> Tensor:
        """MEASURES of what a network gave, [B, M]."""
        samples_B = batch.samples_B
        columns = (
            si_sdr(wav_BN, batch.clean_BN, samples_B),
            si_sdr(batch.noisy_BN, batch.clean_BN, samples_B),
            snr(wav_BN, batch.clean_BN, samples_B, ceiling_db=_CEILING_DB),
            snr(batch.noisy_BN, batch.clean_BN, samples_B, ceiling_db=_CEILING_DB),
            absent_energy(wav_BN, batch.noisy_BN, samples_B, floor_db=-_CEILING_DB),
        )
        return torch.stack(columns, dim=1)

    def gains(self, measure_NK: NDArray[np.floating], label_N: NDArray[np.integer]) -> NDArray[np.float64]:
        """Improvement of each item with speech and noise; NaN of the others."""
        own_N, before_N = (measure_NK[:, MEASURES.index(name)] for name in ("si_sdr", "si_sdr_noisy"))
        return np.where(label_N == NOISY, own_N - before_N, np.nan).astype(np.float64)

    def waves(self, network: Network, batch: NoisyBatch) -> dict[str, Tensor]:
        """Of a batch of one item: what went in, what was in it, and what came out."""
        waves = {"noisy": batch.noisy_BN, "clean": batch.clean_BN, "output": network(batch.noisy_BN)}
        return {what: wav_BN[0] for what, wav_BN in waves.items()}

    def metrics(
        self,
        logits_NK: NDArray[np.floating],
        label_N: NDArray[np.integer],
        row_N: NDArray[np.integer] | None = None,
    ) -> dict[str, float]:
        """Means of ratios over items with speech and noise, of the energy left over those without speech, and of what
        was changed (dB over the speech) over those without noise."""
        by_name = dict(zip(MEASURES, logits_NK.T.astype(np.float64), strict=True))
        noisy_N = label_N == NOISY
        told = {
            "si_sdri": (by_name["si_sdr"] - by_name["si_sdr_noisy"])[noisy_N],
            "si_sdr": by_name["si_sdr"][noisy_N],
            "si_sdr_noisy": by_name["si_sdr_noisy"][noisy_N],
            "snr": by_name["snr"][noisy_N],
            "left_db": by_name["left_db"][label_N == NOISE_ONLY],
            "harmed_db": -by_name["snr"][label_N == CLEAN_ONLY],
        }
        return {name: float(np.mean(values_N)) for name, values_N in told.items() if len(values_N)}


def kinds(snr_db_B: Tensor) -> Tensor:
    """NOISE_ONLY, NOISY or CLEAN_ONLY by the ratio of speech to noise, which is -inf, a number or inf."""
    return torch.sign(snr_db_B).where(torch.isinf(snr_db_B), 0).long() + 1
