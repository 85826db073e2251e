import pytest
import torch
from torch import nn

from models.blocks.transformer import Layer, SelfAttention


def like_torch(layer: Layer, size: int, heads: int, hidden: int) -> nn.TransformerEncoderLayer:
    """torch's own layer with the same weights."""
    theirs = nn.TransformerEncoderLayer(size, heads, hidden, 0.0, batch_first=True, norm_first=layer.norm_first)
    first, _, _, second = layer.forward_part
    for ours, wanted in (
        (layer.attention.input, (theirs.self_attn.in_proj_weight, theirs.self_attn.in_proj_bias)),
        (layer.attention.output, (theirs.self_attn.out_proj.weight, theirs.self_attn.out_proj.bias)),
        (first, tuple(theirs.linear1.parameters())),
        (second, tuple(theirs.linear2.parameters())),
    ):
        for value, place in zip(ours.parameters(), wanted, strict=True):
            place.data.copy_(value.data)
    return theirs


@pytest.mark.parametrize("norm_first", [False, True])
def test_layer_is_the_one_of_torch(norm_first: bool) -> None:
    layer = Layer(8, 2, 12, dropout=0.0, norm_first=norm_first)
    x_BSD = torch.randn(3, 7, 8)
    torch.testing.assert_close(layer(x_BSD), like_torch(layer, 8, 2, 12)(x_BSD))


def test_bottleneck_narrows_attention_only() -> None:
    attention = SelfAttention(8, 2, inner=4)
    assert sum(parameter.numel() for parameter in attention.parameters()) == (8 + 1) * 12 + (4 + 1) * 8
    assert attention(torch.randn(2, 5, 8)).shape == (2, 5, 8)


def test_mask_hides_tokens() -> None:
    attention = SelfAttention(8, 2)
    x_BSD = torch.randn(1, 5, 8)
    first_BSD = attention(x_BSD, torch.ones(5, 5, dtype=torch.bool).tril())
    torch.testing.assert_close(first_BSD[:, :3], attention(x_BSD[:, :3], torch.ones(3, 3, dtype=torch.bool).tril()))
    assert not torch.allclose(first_BSD[:, :3], attention(x_BSD)[:, :3])


def test_dropout_acts_in_training_only() -> None:
    layer = Layer(8, 2, 12, dropout=0.5, norm_first=True)
    x_BSD = torch.randn(1, 5, 8)
    assert not torch.equal(layer(x_BSD), layer(x_BSD))
    layer.eval()
    assert torch.equal(layer(x_BSD), layer(x_BSD))
