import pytest
import torch
import torch.nn.functional as F
from moments import Training, facts
from torch import Tensor, nn

from descend.probes.divergence import divergence

torch.manual_seed(0)
X, NET = torch.randn(8, 4), nn.Linear(4, 3)
TEACHER = torch.randn(8, 3).softmax(1)


def found(given: Tensor, loss: nn.Module | None = None) -> dict:
    loss = loss or nn.KLDivLoss(reduction="batchmean")
    return facts(list(divergence(Training(NET, [lambda: loss(given(), TEACHER)]).moment())))


@pytest.mark.parametrize("reduction", ["batchmean", "none", "sum"])
def test_probabilities_in_place_of_their_logarithms(reduction) -> None:
    def step() -> Tensor:
        return F.kl_div(NET(X).softmax(1), TEACHER, reduction=reduction).sum()

    fact = facts(list(divergence(Training(NET, [step]).moment())))["divergence", ""]
    p = NET(X).softmax(1)
    assert fact == pytest.approx({"min": p.min().item(), "max": p.max().item()})


@pytest.mark.parametrize("given", [lambda: NET(X).log_softmax(1), lambda: NET(X), lambda: NET(X).sigmoid()])
def test_what_is_no_distribution_is_left_alone(given) -> None:
    assert found(given) == {}


def test_another_loss() -> None:
    assert facts(list(divergence(Training(NET, [lambda: NET(X).softmax(1).square().mean()]).moment()))) == {}
