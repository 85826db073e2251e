import pytest
import torch
from pydantic import ValidationError
from torch import nn

from models.enhance.base import Enhancer, LiveEnhancer
from models.enhance.gatewave import FrameBatchNorm, GateWaveConfig, build
from models.enhance.ladder import Ladder
from sonant.measure import params


def on_paper(**settings: bool) -> Enhancer:
    with torch.device("meta"):
        return build(GateWaveConfig.model_validate(settings))


def ladder(model: Enhancer) -> Ladder:
    (found,) = (part for part in model.modules() if isinstance(part, Ladder))
    return found


@pytest.mark.parametrize(("causal", "middle"), [(False, 8_267_520), (True, 3_543_552)])
def test_published_sizes_but_for_the_norm_behind_the_output(causal: bool, middle: int) -> None:
    parts = ladder(on_paper(causal=causal))
    assert [params.of_model(part) for part in parts.encoders] == [960, 74_112, 295_680, 1_181_184, 4_721_664]
    assert [params.of_model(part) for part in parts.decoders] == [4_720_128, 1_180_416, 295_296, 73_920, 772 - 2]
    assert params.of_model(parts.middle) == middle


def test_live_form_has_no_batch_norm_and_may_answer_at_once() -> None:
    patient, prompt = on_paper(causal=True), on_paper(causal=True, look_ahead=False)
    assert isinstance(patient, LiveEnhancer)
    assert isinstance(prompt, LiveEnhancer)
    assert (patient.hop, patient.latency) == (1024, 1364)
    assert (prompt.hop, prompt.latency) == (1024, 0)
    assert not any(isinstance(part, nn.BatchNorm1d) for part in patient.modules())
    assert not isinstance(on_paper(), LiveEnhancer)


def test_output_may_have_either_sign_and_any_level() -> None:
    """No norm behind it: a wave that is upside down comes out upside down where the network does nothing else."""
    torch.manual_seed(0)
    model = build(GateWaveConfig(hidden=4, depth=2))
    last = ladder(model).decoders[-1]
    assert isinstance(last[-1], nn.Identity)
    wav_BN = torch.randn(2, 1000)
    out_BN = model(wav_BN)
    assert out_BN.min() < 0 < out_BN.max()
    with torch.no_grad():
        up = last[0]
        up.linear.weight.view(8, 2, -1)[:, 0].neg_()
        up.bias[0].neg_()
    assert torch.allclose(model(wav_BN), -out_BN, atol=1e-6)


def test_batch_norm_of_frames_is_that_of_torch() -> None:
    norm, x_BTC = FrameBatchNorm(3), torch.randn(2, 5, 3)
    wanted = nn.BatchNorm1d(3)(x_BTC.transpose(1, 2)).transpose(1, 2)
    assert torch.allclose(norm(x_BTC), wanted, atol=1e-6)


def test_a_network_that_hears_everything_has_nothing_to_gain_from_haste() -> None:
    with pytest.raises(ValidationError, match="set causal=true"):
        GateWaveConfig(look_ahead=False)
