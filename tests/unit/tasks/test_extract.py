"""What an extraction network is trained for, and what is said of its outputs."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from models.extract.base import Extraction
from sonant.config.task import ExtractTask
from sonant.data.mix.batch import UNKNOWN, MixBatch
from sonant.tasks.extract import MEASURES, Extract

B, N, HOPS = 4, 4000, 10
TASK = Extract(ExtractTask(), ("a", "b"))


@pytest.fixture
def batch() -> MixBatch:
    """Two voices at 0 dB; in the last mixture the wanted one is silent; the second is half padding."""
    random = torch.Generator().manual_seed(0)
    target_BN, other_BN = (torch.randn(B, N, generator=random) for _ in range(2))
    target_BN[3] = 0
    for wav_BN in (target_BN, other_BN):
        wav_BN[1, N // 2 :] = 0
    return MixBatch(
        mix_BN=target_BN + other_BN,
        target_BN=target_BN,
        ref_BR=torch.randn(B, 100, generator=random),
        ref_samples_B=torch.full((B,), 100),
        mix_samples_B=torch.tensor([N, N // 2, N, N]),
        speaker_B=torch.tensor([0, 1, UNKNOWN, 0]),
        present_B=torch.tensor([True, True, True, False]),
        row_B=torch.arange(B),
        ids=tuple("wxyz"),
        others_BKN=torch.stack([other_BN, torch.zeros_like(other_BN)], 1),
    )


def measured(batch: MixBatch, wav_BN: Tensor, **more: Any) -> dict[str, Tensor]:
    return dict(zip(MEASURES, TASK.measure(Extraction(wav_BN, **more), batch).unbind(1), strict=True))


def test_measures_tell_what_was_done_with_a_mixture(batch: MixBatch) -> None:
    assert batch.others_BKN is not None
    quarter = measured(batch, batch.target_BN + 0.25 * batch.others_BKN[:, 0])
    assert quarter["si_sdr_mixture"][:3].abs().max() < 0.5
    assert quarter["si_sdr"][:3] == pytest.approx(12.04, abs=0.5)
    assert quarter["depth_db"][3] == pytest.approx(12.04, abs=0.1)
    assert quarter["confused"].tolist()[:3] == [0, 0, 0]

    swapped = measured(batch, batch.others_BKN[:, 0])
    assert swapped["confused"].tolist()[:3] == [1, 1, 1]
    silent = measured(batch, torch.zeros_like(batch.mix_BN))
    assert silent["depth_db"].min() > 90
    assert torch.isnan(silent["presence"]).all()
    assert torch.isnan(silent["speaker_told"]).all()


def test_padding_counts_for_nothing(batch: MixBatch) -> None:
    presence_BF = torch.full((B, HOPS), -9.0)
    presence_BF[1, : HOPS // 2] = 9.0
    wav_BN = batch.target_BN.clone()
    wav_BN[1, N // 2 :] = 7.0
    told = measured(batch, wav_BN, presence_BF=presence_BF)
    assert told["si_sdr"][1] > 50
    assert told["presence"][1] > 0.99
    assert told["presence"][0] < 0.01


def test_metrics_are_means_over_those_they_are_about() -> None:
    rows = [
        # si_sdr, of mixture, depth, confused, presence, speaker
        (10.0, 0.0, 3.0, 0.0, 0.9, 1.0),
        (-2.0, 2.0, 3.0, 1.0, 0.4, np.nan),
        (-60.0, -60.0, 30.0, 0.0, 0.1, 0.0),
        (-60.0, -60.0, 10.0, 0.0, 0.2, 0.0),
    ]
    told = TASK.metrics(np.array(rows, np.float32), np.array([1, 1, 0, 0]))
    expected = {
        "si_sdri": 3.0, "si_sdr": 4.0, "si_sdr_mixture": 1.0, "confused": 0.5, "absent_db": 20.0,
        "absent_silent": 0.5, "presence": 0.75, "speaker_accuracy": 1 / 3,
    }  # fmt: skip
    assert told == pytest.approx(expected)
    assert set(told) == set(TASK.metric_names)
    assert "absent_db" not in TASK.metrics(np.array(rows[:2], np.float32), np.array([1, 1]))


def test_loss_wants_the_voice_silence_without_it_and_the_truth_about_both(batch: MixBatch) -> None:
    class Gives(torch.nn.Module):
        def __init__(self, given: Extraction) -> None:
            super().__init__()
            self.given = given

        def forward(self, *_: Tensor) -> Extraction:
            return self.given

    def loss(task: ExtractTask = TASK.cfg, **given: Any) -> float:
        model = Gives(Extraction(**cast(Any, {"wav_BN": batch.target_BN, **given})))
        return float(Extract(task, ("a", "b")).loss(model, batch))

    right = torch.where(batch.present_B, 5.0, -5.0)[:, None].expand(B, HOPS)
    who = torch.tensor([[9.0, 0.0], [0.0, 9.0], [0.0, 9.0], [9.0, 0.0]])
    best = loss(presence_BF=right, logits_BK=who)
    assert loss(wav_BN=batch.mix_BN, presence_BF=right, logits_BK=who) > best + 10
    assert loss(presence_BF=-right, logits_BK=who) > best + 5
    assert loss(presence_BF=right, logits_BK=-who) > best + 2
    left_BN = batch.target_BN.clone()
    left_BN[3] = batch.mix_BN[3]
    assert loss(wav_BN=left_BN, presence_BF=right, logits_BK=who) > best + 3
    # Three scales weigh 0.8, 0.1 and 0.1.
    worse = (batch.mix_BN, batch.target_BN)
    of_scale = loss(scales=worse, logits_BK=who) - loss(scales=(batch.target_BN,) * 2, logits_BK=who)
    of_main = loss(wav_BN=batch.mix_BN, logits_BK=who) - loss(logits_BK=who)
    assert of_scale == pytest.approx(0.1 * of_main, rel=1e-3)
