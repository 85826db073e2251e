"""What every network promises for whole clips."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from models.spec import SPECS


def test_every_network_is_in_the_table_with_and_without_stream(cases) -> None:
    covered = {(case.config["kind"], case.config.get("causal", False)) for case in cases.values()}
    classifiers = {kind: spec for kind, spec in SPECS.items() if spec.job not in ("extract", "enhance")}
    assert covered == {
        (kind, causal) for kind, spec in classifiers.items() for causal in {False, spec.config_type.streams}
    }


def test_number_of_parameters(fresh, case) -> None:
    assert sum(parameter.numel() for parameter in fresh.parameters()) == case.parameters


@pytest.mark.parametrize("seconds", [0.2, 0.333, 1.0, 3.0])
def test_any_length_gives_one_row_of_logits(trained, seconds: float) -> None:
    model = trained.model
    logits_BK = model(0.1 * torch.randn(2, round(seconds * model.sample_rate_hz)))
    assert logits_BK.shape == (2, 3)
    assert logits_BK.dtype == torch.float32
    assert logits_BK.isfinite().all()


def test_gradient_reaches_every_parameter(fresh) -> None:
    F.cross_entropy(fresh(0.1 * torch.randn(6, 8000)), torch.arange(6) % 3).backward()
    without = [name for name, parameter in fresh.named_parameters() if not bool(parameter.grad.abs().sum() > 0)]
    assert without == []


def test_learns_to_tell_tones_apart(trained) -> None:
    assert trained.accuracy == 1.0
    assert trained.loss < 0.05


def test_evaluation_is_deterministic(trained, wav_BN: Tensor) -> None:
    assert torch.equal(trained.model(wav_BN), trained.model(wav_BN))


def test_clip_does_not_depend_on_its_batch(trained, same, wav_BN: Tensor) -> None:
    alone_BK = torch.cat([trained.model(row_BN) for row_BN in wav_BN.split(1)])
    same(trained.model(wav_BN), alone_BK, 1e-5)


def test_body_follows_the_features(trained, wav_BN: Tensor) -> None:
    model = trained.model
    assert torch.equal(model.body(model.features(wav_BN)), model(wav_BN))


def test_masks_of_no_width_change_nothing(trained, wav_BN: Tensor) -> None:
    model = trained.model
    nothing_BM4 = torch.tensor([0.3, 0.3, 0.0, 1.0]).expand(3, 2, 4)
    something_BM4 = torch.tensor([0.0, 1.0, 0.0, 0.9]).expand(3, 1, 4)
    assert torch.equal(model(wav_BN, nothing_BM4), model(wav_BN))
    assert not torch.allclose(model(wav_BN, something_BM4), model(wav_BN), atol=0.1)


@pytest.mark.parametrize("sound", ["silence", "constant", "clipping"])
def test_silence_and_clipping_stay_finite(trained, sound: str) -> None:
    wav_BN = {
        "silence": torch.zeros(1, 8000),
        "constant": torch.ones(1, 8000),
        "clipping": torch.randn(1, 8000).sign(),
    }[sound]
    assert trained.model(wav_BN).isfinite().all()
