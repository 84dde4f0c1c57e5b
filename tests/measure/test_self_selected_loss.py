import pytest
import torch
import torch.nn.functional as F
from moments import Training
from torch import Tensor, nn

from descend.doctor.measure.self_selected_loss import self_selected_loss
from descend.doctor.record import facts

torch.manual_seed(0)
X, Y = torch.randn(20, 4), torch.randn(20, 3)
NET = nn.Linear(4, 3)


def errors() -> Tensor:
    return (NET(X) - Y).abs() - 0.5


SELECTED = {
    "of those that are positive": lambda: errors().clamp(min=0).sum() / (errors() > 0).sum(),
    "with a little added": lambda: errors().relu().sum() / ((errors() > 1e-16).sum() + 1e-16),
    "one of two terms": lambda: F.mse_loss(NET(X), Y) + 0.1 * errors().relu().sum() / (errors() > 0).float().sum(),
}
OF_ALL = {
    "all of them": lambda: errors().relu().mean(),
    "a count of the data": lambda: errors().relu().sum() / (Y > 0).sum(),
    "a number": lambda: errors().relu().sum() / 60,
    "normalised": lambda: (errors() / errors().norm()).square().mean(),
}


@pytest.mark.parametrize("name", SELECTED)
def test_a_mean_over_what_the_network_selects(name: str) -> None:
    [selected] = self_selected_loss(Training(NET, [SELECTED[name]]).snapshot())
    assert selected.name == facts.name_of(facts.SelectedExamplesLoss)


@pytest.mark.parametrize("name", OF_ALL)
def test_a_mean_over_all(name: str) -> None:
    assert not list(self_selected_loss(Training(NET, [OF_ALL[name]]).snapshot()))
