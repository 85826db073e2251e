"""What is left of a network when its last layer is gone."""

import pytest
import torch
from pydantic import TypeAdapter

from models.classify.embedder import Embedder
from models.spec import ModelConfig, create

HEADS = ({"kind": "mean"}, {"kind": "attentive"}, {"kind": "frames"}, {"kind": "embedding", "size": 9, "cosine": True})


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head["kind"])
def test_embeddings_of_length_one_and_no_last_layer(head: dict[str, object]) -> None:
    torch.manual_seed(0)
    config = {"kind": "tc_resnet", "width": 0.25, "outputs": 5, "features": {"kind": "melspec"}, "head": head}
    model = create(TypeAdapter(ModelConfig).validate_python(config)).eval()
    wav_BN = torch.randn(2, 16_000)
    embedder = Embedder(model)
    assert not embedder.training
    expected = torch.nn.functional.normalize(model.embed(wav_BN))
    torch.testing.assert_close(embedder(wav_BN), expected)
    torch.testing.assert_close(embedder.body(embedder.features(wav_BN)), expected)
    assert not [name for name in embedder.state_dict() if "output" in name]
    assert model(wav_BN).shape == (2, 5), "the network that was trained is left as it was"
