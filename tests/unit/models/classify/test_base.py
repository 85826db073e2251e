from typing import Any

import pytest
from pydantic import ValidationError

from models.classify.base import LiveClassifier
from models.spec import create, parse


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"features": {"kind": "raw"}}, "use melspec, mfcc, spectrogram or spectral"),
        ({"causal": True, "head": {"kind": "lstm"}}, "use mean, or set causal: false"),
        ({"causal": True, "head": {"kind": "attentive"}}, "use mean, or set causal: false"),
        ({"causal": True, "head": {"kind": "frames"}}, "use mean, or set causal: false"),
        ({"causal": True, "features": {"norm": "clip"}}, "use causal or none"),
        ({"causal": True, "window_ms": 100}, "must hold two"),
    ],
)
def test_combinations_that_cannot_work_are_refused_with_a_way_out(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        parse({"kind": "tc_resnet", **data})


def test_a_clip_network_takes_any_head_norm_and_window() -> None:
    for data in ({"head": {"kind": "lstm"}}, {"features": {"norm": "clip"}}, {"window_ms": 1}):
        parse({"kind": "tc_resnet", **data})


@pytest.mark.parametrize(
    ("window_ms", "frames"),
    [(1000, 12), (960, 12), (959, 11), (160, 2)],
)
def test_window_is_the_whole_hops_that_fit(window_ms: float, frames: int) -> None:
    """A clip no longer than the window never gives more frames than the window holds."""
    model = create(parse({"kind": "tc_resnet", "causal": True, "outputs": 2, "window_ms": window_ms}))
    assert isinstance(model, LiveClassifier)
    assert model.hop == 1280
    assert model.live.window == frames


def test_weights_of_the_head_are_stored_once() -> None:
    """A head held under two names would be in the state twice, which safetensors refuses to write."""
    model = create(parse({"kind": "tc_resnet", "causal": True, "outputs": 2}))
    assert not [name for name in model.state_dict() if name.startswith("live")]
