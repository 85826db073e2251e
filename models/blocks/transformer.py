"""Transformer layers (Vaswani et al. 2017, arXiv:1706.03762) that export with any number of tokens.

Shapes: B clips, S tokens, D channels, H heads, C channels of a head.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class SelfAttention(nn.Module):
    """Scaled dot-product attention of all tokens to all, [B, S, D] -> [B, S, D].

    `inner` is the width of all heads together; narrower than D it is a bottleneck. The mask [S, S], true where a token
    (row) may see another (column), leaves nothing out when None.
    """

    def __init__(self, size: int, heads: int, *, inner: int | None = None, dropout: float = 0.0) -> None:
        super().__init__()
        inner = size if inner is None else inner
        assert inner % heads == 0, "heads share the inner width equally"
        self.heads, self.dropout = heads, dropout
        self.input = nn.Linear(size, 3 * inner)
        self.output = nn.Linear(inner, size)

    def forward(self, x_BSD: Tensor, mask_SS: Tensor | None = None) -> Tensor:
        # [B, S, 3 inner] -> three times [B, H, S, C]
        query, key, value = self.input(x_BSD).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        mixed_BHSC = F.scaled_dot_product_attention(query, key, value, attn_mask=mask_SS, dropout_p=dropout)
        return self.output(mixed_BHSC.transpose(1, 2).flatten(2))


class Layer(nn.Module):
    """Attention and a feed-forward part, each around a shortcut.

    The layer norms stand behind the sums, as in the paper, or with `norm_first` at the start of each part.
    """

    def __init__(
        self, size: int, heads: int, hidden: int, *, inner: int | None = None, dropout: float, norm_first: bool
    ) -> None:
        super().__init__()
        self.norm_first = norm_first
        self.attention = SelfAttention(size, heads, inner=inner, dropout=dropout)
        self.forward_part = nn.Sequential(
            nn.Linear(size, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, size)
        )
        self.norms = nn.ModuleList([nn.LayerNorm(size), nn.LayerNorm(size)])
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BSD: Tensor, mask_SS: Tensor | None = None) -> Tensor:
        first, second = self.norms
        if self.norm_first:
            x_BSD = x_BSD + self.dropout(self.attention(first(x_BSD), mask_SS))
            return x_BSD + self.dropout(self.forward_part(second(x_BSD)))
        x_BSD = first(x_BSD + self.dropout(self.attention(x_BSD, mask_SS)))
        return second(x_BSD + self.dropout(self.forward_part(x_BSD)))
