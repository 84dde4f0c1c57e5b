import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept, located
from torch import Tensor, nn

from descend.doctor.measure.mixed_reductions import mixed_reductions
from descend.doctor.record import facts

torch.manual_seed(0)
X = torch.randn(20, 4)
NET = nn.Linear(4, 4)


def penalty() -> Tensor:
    """One number for each example, computed by the network."""
    return NET(X).square()


MIXED = {
    "summed": lambda: F.mse_loss(NET(X), X) + penalty().sum(),
    "a half of it": lambda: F.mse_loss(NET(X), X) + 0.5 * torch.sum(penalty()),
    "subtracted": lambda: F.binary_cross_entropy_with_logits(NET(X), X.sigmoid()) - -0.5 * penalty().sum(),
    "over both dimensions": lambda: F.mse_loss(NET(X), X) + penalty().sum((0, 1)),
}
EVEN = {
    "both summed": lambda: F.mse_loss(NET(X), X, reduction="sum") + penalty().sum(),
    "the mean of each example's sum, of one value": lambda: F.mse_loss(NET(X)[:, 0], X[:, 0]) + penalty().sum(1).mean(),
    "a weight that was chosen, of each": lambda: F.mse_loss(NET(X), X) + 1e-2 * penalty().sum(1).mean(),
    "divided by the batch": lambda: F.mse_loss(NET(X), X) + penalty().sum() / len(X),
    "a weight that was chosen": lambda: F.mse_loss(NET(X), X) + 1e-3 * penalty().sum(),
    "of the weights": lambda: F.mse_loss(NET(X), X) + NET.weight.square().sum(),
    "of data": lambda: F.mse_loss(NET(X), X) + X.square().sum(),
    "averaged over as many": lambda: F.mse_loss(NET(X), X) + penalty().mean(),
    "averaged over nearly as many": lambda: F.mse_loss(NET(X), X) + penalty()[:, :3].mean(),
    "one value each": lambda: F.mse_loss(NET(X), X) + penalty()[:, 0].mean(),
    "one term": lambda: F.mse_loss(NET(X), X),
}


def seen(loss) -> facts.MixedReductions | None:
    found = mixed_reductions(Training(NET, [loss], origin=located).snapshot())
    return kept(found).fact(facts.MixedReductions)


@pytest.mark.parametrize("name", MIXED)
def test_a_sum_next_to_a_mean(name: str) -> None:
    found = seen(MIXED[name])
    assert (found.examples, found.over_batch) == (20, True)


def test_a_sum_per_example_next_to_a_mean_over_its_values() -> None:
    found = seen(lambda: F.mse_loss(NET(X), X) - 0.5 * torch.sum(penalty(), dim=1).mean())
    assert (found.values, found.over_batch) == (4, False)


def test_a_mean_over_fewer_values_of_each_example() -> None:
    codes = nn.Linear(4, 2)
    found = seen(lambda: F.mse_loss(NET(X), X) - 0.5 * codes(NET(X)).square().mean())
    assert (found.values, found.own, found.over_batch) == (4, 2, False)


@pytest.mark.parametrize("name", EVEN)
def test_terms_of_the_same_kind(name: str) -> None:
    assert not seen(EVEN[name])
