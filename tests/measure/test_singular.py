import pytest
import torch
from moments import Step, Training, kept, located
from torch import nn

from descend.doctor.measure.singular import singular
from descend.doctor.record import facts

torch.manual_seed(0)
X = torch.rand(20, 4)
NET = nn.Linear(4, 3)


def seen(*losses: Step) -> dict[str, facts.Singular]:
    return kept(singular(Training(NET, list(losses), origin=located).snapshot())).every(facts.Singular)


@pytest.mark.parametrize(
    ("step", "function"),
    [
        (lambda: torch.sqrt(NET(X).square().sum(1)).mean(), "sqrt"),
        (lambda: NET(X).square().sum(1).pow(0.5).mean(), "pow"),
        (lambda: (NET(X).square().sum(1) ** 0.5).mean(), "pow"),
        (lambda: -NET(X).softmax(1).log().mean(), "log"),
    ],
)
def test_calls_with_infinite_slope_at_zero_are_reported(step: Step, function: str) -> None:
    (fact,) = seen(step).values()
    assert function in fact.function and 0 < fact.least < 1


def test_the_least_value_is_that_of_all_examples() -> None:
    losses = [lambda scale=scale: torch.sqrt(NET(X * scale).square().sum(1) + scale).mean() for scale in (1.0, 0.0)]
    (fact,) = seen(*losses).values()
    assert fact.least == pytest.approx(float(NET.bias.square().sum()))


def test_other_calls_are_not_reported() -> None:
    assert not seen(lambda: NET(X).square().pow(1.5).mean())
    assert not seen(lambda: (NET(X) * torch.sqrt(X.sum(1, keepdim=True))).mean())  # of data
