import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept
from torch import Tensor, nn

from descend.doctor.measure.kl_div_input import kl_div_input
from descend.doctor.record import Record, facts

torch.manual_seed(0)
X, NET = torch.randn(8, 4), nn.Linear(4, 3)
TEACHER = torch.randn(8, 3).softmax(1)


def found(given: Tensor, loss: nn.Module | None = None) -> Record:
    loss = loss or nn.KLDivLoss(reduction="batchmean")
    return kept(kl_div_input(Training(NET, [lambda: loss(given(), TEACHER)]).snapshot()))


@pytest.mark.parametrize("reduction", ["batchmean", "none", "sum"])
def test_probabilities_in_place_of_their_logarithms(reduction) -> None:
    def step() -> Tensor:
        return F.kl_div(NET(X).softmax(1), TEACHER, reduction=reduction).sum()

    fed = kept(kl_div_input(Training(NET, [step]).snapshot())).fact(facts.Divergence)
    p = NET(X).softmax(1)
    assert (fed.min, fed.max) == pytest.approx((p.min().item(), p.max().item()))


@pytest.mark.parametrize("given", [lambda: NET(X).log_softmax(1), lambda: NET(X), lambda: NET(X).sigmoid()])
def test_values_that_are_not_probabilities_are_not_reported(given) -> None:
    assert found(given).facts == {}


def test_another_loss() -> None:
    assert not list(kl_div_input(Training(NET, [lambda: NET(X).softmax(1).square().mean()]).snapshot()))
