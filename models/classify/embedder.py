"""What is exported and served of a network that learned to tell speakers apart: everything but its last layer."""

from __future__ import annotations

from copy import deepcopy
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from models.classify.base import Classifier
from models.heads import PooledHead


class Embedder(Classifier):
    """Waves in, embeddings [B, E] of length 1 out. The last layer, which knows the training speakers, is gone."""

    def __init__(self, model: Classifier) -> None:
        assert isinstance(model.head, PooledHead), "frames have no embedding of the clip"
        head = deepcopy(model.head)
        head.output = nn.Identity()
        super().__init__(model.features, model.encoder, head)
        self.train(model.training)

    def body(self, feat_BFT: Tensor) -> Tensor:
        return F.normalize(cast(PooledHead, self.head).embed(self.encoder(feat_BFT)))
