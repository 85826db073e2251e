"""How big a network is."""

from __future__ import annotations

from torch import nn

_Norms = (nn.BatchNorm1d, nn.BatchNorm2d)


def of_model(model: nn.Module) -> int:
    """Trained parameters."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def with_statistics(model: nn.Module) -> int:
    """Trained parameters and the running mean and variance of batch norms: what some papers count."""
    channels = sum(module.num_features for module in model.modules() if isinstance(module, _Norms))
    return of_model(model) + 2 * channels
