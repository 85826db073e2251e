"""Extract: one wanted voice out of a mixture. What training calls scores are measures of each mixture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.extract.base import Extraction
from sonant.config.task import ExtractTask
from sonant.data.mix.batch import UNKNOWN, MixBatch
from sonant.losses.absent import absent_energy
from sonant.losses.presence import presence
from sonant.losses.si_sdr import si_sdr
from sonant.losses.snr import snr
from sonant.losses.spexplus import spexplus, spexplus_short
from sonant.metrics.extraction import DEEPEST_DB
from sonant.metrics.item import SILENT_DB
from sonant.tasks.task import Scores

MEASURES = ("si_sdr", "si_sdr_mixture", "depth_db", "confused", "presence", "speaker_told")
"""Columns of a score, in dB, and as shares: si_sdr of the output and of the mixture, how far the output's energy is
under the mixture's, whether the output is nearer to another voice than to the wanted one, the mean probability that the
wanted voice is there, whether the reference's speaker was told (NaN: unknown, or not asked)."""
_RATIOS = {"si_sdr": si_sdr, "snr": snr}

Network = Callable[[Tensor, Tensor, Tensor], Extraction]
"""mix_BN, ref_BR, ref_samples_B -> what it gives."""


class Extract:
    """The task of an extraction network. Letters: B batch, N samples, R of references, K speakers, M measures."""

    of_frames = False
    kinds = ("absent", "present")
    measures = MEASURES
    summary = "extraction"
    metric_names = (
        "si_sdri", "si_sdr", "si_sdr_mixture", "confused", "absent_db", "absent_silent", "presence", "speaker_accuracy"
    )  # fmt: skip

    def __init__(self, cfg: ExtractTask, labels: tuple[str, ...]) -> None:
        """`labels` are the speakers that training tells apart."""
        self.cfg, self.labels = cfg, labels

    def inputs(self, batch: MixBatch, *, training: bool = False) -> MixBatch:
        """Mixtures come as they are."""
        return batch

    def loss(self, model: nn.Module, inputs: MixBatch) -> Tensor:
        """What training makes small, a scalar: of all outputs of the network, of its presence and of its speakers."""
        cfg, given = self.cfg, model(inputs.mix_BN, inputs.ref_BR, inputs.ref_samples_B)
        about: dict[str, Any] = {
            "target_BN": inputs.target_BN,
            "samples_B": inputs.mix_samples_B,
            "logits_BK": given.logits_BK,
            "speaker_B": inputs.speaker_B,
            "gamma": cfg.speaker_weight,
            "mix_BN": inputs.mix_BN,
            "present_B": inputs.present_B,
            "absent_weight": cfg.absent_weight,
            "floor_db": cfg.absent_floor_db,
            "ratio": _RATIOS[cfg.ratio],
        }
        if given.scales:
            alpha, beta = cfg.scales
            loss = spexplus((given.wav_BN, *given.scales), alpha=alpha, beta=beta, **about)
        else:
            loss = spexplus_short(given.wav_BN, **about)
        if given.presence_BF is not None:
            loss = loss + cfg.presence_weight * presence(given.presence_BF, inputs.present_B, _frames(given, inputs))
        return loss

    def score(self, network: Network, batch: MixBatch) -> Scores:
        """MEASURES of each mixture; the label is 1 where the wanted voice is there."""
        given = network(batch.mix_BN, batch.ref_BR, batch.ref_samples_B)
        return Scores(batch.row_B, batch.present_B.long(), self.measure(given, batch))

    def measure(self, given: Extraction, batch: MixBatch) -> Tensor:
        """MEASURES of what a network gave, [B, M]."""
        samples_B, wav_BN = batch.mix_samples_B, given.wav_BN
        own_B = si_sdr(wav_BN, batch.target_BN, samples_B)
        unknown_B = torch.full_like(own_B, torch.nan)
        presence_B, speaker_B = unknown_B, unknown_B
        if given.presence_BF is not None:
            real_BF = _up_to(_frames(given, batch), given.presence_BF.shape[1])
            presence_B = (torch.sigmoid(given.presence_BF) * real_BF).sum(1) / real_BF.sum(1)
        if given.logits_BK is not None:
            told_B = (given.logits_BK.argmax(1) == batch.speaker_B).to(own_B)
            speaker_B = torch.where(batch.speaker_B == UNKNOWN, unknown_B, told_B)
        columns = (
            own_B,
            si_sdr(batch.mix_BN, batch.target_BN, samples_B),
            -absent_energy(wav_BN, batch.mix_BN, samples_B, floor_db=-DEEPEST_DB),
            self._confused(own_B, wav_BN, batch),
            presence_B,
            speaker_B,
        )
        return torch.stack(columns, dim=1)

    @staticmethod
    def _confused(own_B: Tensor, wav_BN: Tensor, batch: MixBatch) -> Tensor:
        assert batch.others_BKN is not None, "evaluation batches hold the other voices"
        confused_B = torch.zeros_like(own_B)
        for other_BN in batch.others_BKN.unbind(1):
            nearer_B = (si_sdr(wav_BN, other_BN, batch.mix_samples_B) > own_B) & (other_BN != 0).any(1)
            confused_B = torch.maximum(confused_B, nearer_B.to(own_B))
        return confused_B

    def gains(self, measure_NK: NDArray[np.floating], label_N: NDArray[np.integer]) -> NDArray[np.float64]:
        """Improvement of each item with the wanted voice; NaN of the others."""
        own_N, before_N = (measure_NK[:, MEASURES.index(name)] for name in ("si_sdr", "si_sdr_mixture"))
        return np.where(label_N == 1, own_N - before_N, np.nan).astype(np.float64)

    def waves(self, network: Network, batch: MixBatch) -> dict[str, Tensor]:
        """Of a batch of one mixture: what went in, what was asked for, and what came out."""
        given = network(batch.mix_BN, batch.ref_BR, batch.ref_samples_B)
        waves = {"mixture": batch.mix_BN, "output": given.wav_BN, "target": batch.target_BN, "reference": batch.ref_BR}
        return {what: wav_BN[0] for what, wav_BN in waves.items()}

    def metrics(
        self,
        logits_NK: NDArray[np.floating],
        label_N: NDArray[np.integer],
        row_N: NDArray[np.integer] | None = None,
    ) -> dict[str, float]:
        """Means over mixtures with the wanted voice (ratios), without it (how silent), and over both."""
        present_N = label_N == 1
        by_name = dict(zip(MEASURES, logits_NK.T.astype(np.float64), strict=True))
        there = {name: column_N[present_N] for name, column_N in by_name.items()}
        depth_N = by_name["depth_db"][~present_N]
        right_N = (by_name["presence"] > 0.5) == present_N
        told: dict[str, Any] = {
            "si_sdri": there["si_sdr"] - there["si_sdr_mixture"],
            "si_sdr": there["si_sdr"],
            "si_sdr_mixture": there["si_sdr_mixture"],
            "confused": there["confused"],
            "absent_db": depth_N,
            "absent_silent": depth_N >= SILENT_DB,
            "presence": right_N[~np.isnan(by_name["presence"])],
            "speaker_accuracy": by_name["speaker_told"][~np.isnan(by_name["speaker_told"])],
        }
        return {name: float(np.mean(values_N)) for name, values_N in told.items() if len(values_N)}


def _frames(given: Extraction, batch: MixBatch) -> Tensor:
    """Presence logits of each mixture that are not of padding."""
    assert given.presence_BF is not None
    hops, samples = given.presence_BF.shape[1], batch.mix_BN.shape[1]
    return (batch.mix_samples_B * hops + samples - 1) // samples


def _up_to(count_B: Tensor, length: int) -> Tensor:
    return (torch.arange(length, device=count_B.device) < count_B[:, None]).float()
