from torch import nn

from sonant.measure import params


def test_counts_trained_parameters() -> None:
    model = nn.Sequential(nn.Conv1d(2, 3, 5), nn.BatchNorm1d(3), nn.Linear(4, 5))
    assert params.of_model(model) == 2 * 3 * 5 + 3 + 2 * 3 + 4 * 5 + 5
    model[0].requires_grad_(False)
    assert params.of_model(model) == 2 * 3 + 4 * 5 + 5


def test_counts_statistics_of_norms() -> None:
    model = nn.Sequential(nn.BatchNorm1d(3), nn.BatchNorm2d(5))
    assert params.with_statistics(model) == 4 * (3 + 5)
