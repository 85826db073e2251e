from typing import Any, get_args

import pytest
import torch
from pydantic import ValidationError

from models.classify.base import Classifier, LiveClassifier
from models.enhance.base import Enhancer
from models.extract.base import Extractor
from models.spec import SPECS, VARIANTS, AnyConfig, AnyEnhanceConfig, AnyExtractConfig, create, parse
from models.streaming import Streaming

CLASSIFIERS = [kind for kind, spec in SPECS.items() if spec.job not in ("extract", "enhance")]
LIVE = [kind for kind in CLASSIFIERS if SPECS[kind].config_type.streams]


def test_table_and_unions_hold_the_same_networks() -> None:
    assert {SPECS[kind].config_type for kind in CLASSIFIERS} == set(get_args(AnyConfig))
    assert {spec.config_type for spec in SPECS.values() if spec.job == "extract"} == set(get_args(AnyExtractConfig))
    enhancers = {spec.config_type for spec in SPECS.values() if spec.job == "enhance"}
    assert enhancers == set(get_args(AnyEnhanceConfig))
    for kind, spec in SPECS.items():
        assert spec.kind == kind == spec.config_type.model_fields["kind"].default


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_built_from_its_entry(name: str) -> None:
    data = VARIANTS[name]
    base = {"extract": Extractor, "enhance": Enhancer}.get(SPECS[data["kind"]].job, Classifier)
    with torch.device("meta"):
        model = create(parse({**data, "outputs": 2} if base is Classifier else data))
    assert isinstance(model, base)


def test_variants_cover_every_network() -> None:
    assert {data["kind"] for data in VARIANTS.values()} == set(SPECS)


@pytest.mark.parametrize("kind", LIVE)
def test_only_causal_networks_stream(kind: str) -> None:
    clip = create(parse({"kind": kind, "outputs": 2}))
    live = create(parse({"kind": kind, "outputs": 2, "causal": True}))
    assert not isinstance(clip, Streaming)
    assert isinstance(live, Streaming)
    assert isinstance(live, LiveClassifier)


@pytest.mark.parametrize("kind", [kind for kind in CLASSIFIERS if kind not in LIVE])
def test_networks_without_a_causal_form_say_so(kind: str) -> None:
    with pytest.raises(ValidationError, match="has no causal form"):
        parse({"kind": kind, "causal": True})


@pytest.mark.parametrize("kind", LIVE)
def test_weights_fit_both_forms(kind: str) -> None:
    """A network trained on clips can be the start of a live one."""
    clip = create(parse({"kind": kind, "outputs": 2}))
    create(parse({"kind": kind, "outputs": 2, "causal": True})).load_state_dict(clip.state_dict())


def test_outputs_must_be_known_when_built() -> None:
    with pytest.raises(ValueError, match=r"model\.outputs is not set"):
        create(parse({"kind": "tc_resnet"}))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"kind": "perceptron"}, "'tc_resnet', 'bc_resnet'"),
        ({"kind": "tc_resnet", "variant": 9}, "8 or 14"),
        ({"kind": "tc_resnet", "tau": 1}, "Extra inputs"),
        ({"kind": "bc_resnet", "outputs": 0}, "greater than or equal to 1"),
    ],
)
def test_wrong_configs_are_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        parse(data)
