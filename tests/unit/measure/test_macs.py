import pytest
import torch
from torch import nn

from models.blocks.recurrent import Gru, LiveLstm, Lstm
from models.classify.base import LiveClassifier
from models.enhance.base import Enhancer
from models.spec import VARIANTS, create, parse
from sonant.measure import macs


@pytest.mark.parametrize(
    ("module", "shape", "wanted"),
    [
        (nn.Linear(5, 7), (3, 5), 3 * 5 * 7),
        (nn.Conv1d(4, 6, 3, padding=1), (1, 4, 10), 10 * 4 * 6 * 3),
        (nn.Conv1d(4, 4, 3, groups=4), (1, 4, 12), 10 * 4 * 3),
        (nn.Conv2d(2, 3, (3, 1), (2, 1), (1, 0)), (1, 2, 8, 5), 4 * 5 * 2 * 3 * 3),
        (Lstm(5, 7), (1, 10, 5), 10 * 4 * 7 * (5 + 7)),
        (LiveLstm(5, 7), (1, 1, 5), 4 * 7 * (5 + 7)),
        (Gru(5, 7, both_ways=True), (1, 10, 5), 2 * 10 * 3 * 7 * (5 + 7)),
    ],
)
def test_counts_what_can_be_counted_by_hand(module: nn.Module, shape: tuple[int, ...], wanted: int) -> None:
    assert macs.count(lambda: module.eval()(torch.zeros(shape))) == wanted


def test_first_layer_and_head_of_tc_resnet() -> None:
    """Of one second, 100 frames: the 3 x 40 x 16 convolution at every frame, the last layer once."""
    config = {"kind": "tc_resnet", "outputs": 12, "causal": True}
    eight = macs.of_clip(create(parse(config)))
    # Frames fall to 50, 25 and 12 from block to block; each has a strided, a plain and a 1x1 convolution.
    blocks = 50 * (9 * 16 * 24 + 9 * 24 * 24 + 16 * 24)
    blocks += 25 * (9 * 24 * 32 + 9 * 32 * 32 + 24 * 32) + 12 * (9 * 32 * 48 + 9 * 48 * 48 + 32 * 48)
    assert eight.network == 100 * 3 * 40 * 16 + blocks + 48 * 12
    # The transform as a convolution, the mel bank, the cosine transform; and the recurrence of the causal norm.
    least = 100 * (2 * 257 * 480 + 257 * 40 + 40 * 40)
    assert least < eight.features < 1.2 * least
    assert eight.total == eight.network + eight.features


def test_stream_costs_what_a_long_clip_costs() -> None:
    model = create(parse({"kind": "bc_resnet", "outputs": 12, "causal": True}))
    assert isinstance(model, LiveClassifier)
    clip, stream = macs.of_clip(model, 2.0), macs.of_stream(model)
    linear = 32 * 12
    assert clip.network == pytest.approx(stream.network - 100 * linear + linear / 2, abs=1)


def test_measuring_leaves_the_network_as_it_was() -> None:
    model = create(parse({"kind": "tc_resnet", "outputs": 12})).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    stages = str(model.features)
    macs.of_clip(model)
    assert model.training
    assert str(model.features) == stages
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_an_extractor_costs_what_its_hops_cost() -> None:
    """By hand: 200 frames a second through basis, blocks, mask and presence; the voice at every step."""
    config = {
        "kind": "causal_extractor",
        "basis": {"kind": "learned", "filters": 24},
        "channels": 10,
        "hidden": 16,
        "stacks": 2,
        "blocks": 3,
        "voice_size": 8,
        "memory": {"kind": "none"},
    }
    layers = 2 * 320 * 24 + 2 * 24 * 10 + 6 * 2 * 10 * 16 + 10
    assert macs.of_extractor(create(parse(config))).total == 200 * (layers + 2 * 8 * 20)


@pytest.mark.parametrize(("name", "published"), [("demucs-48", 2.53e9), ("demucs-64", 4.48e9), ("wave_unet", 2.78e9)])
def test_enhancers_cost_what_was_published(name: str, published: float) -> None:
    model = create(parse(VARIANTS[name]))
    assert isinstance(model, Enhancer)
    assert macs.of_enhancer(model).total == pytest.approx(published, rel=0.002)
