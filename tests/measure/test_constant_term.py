import pytest
import torch
from moments import Training, kept, located
from torch import Tensor, nn

from descend.doctor.measure.constant_term import constant_term
from descend.doctor.record import facts

torch.manual_seed(0)
X, E, S = torch.randn(20, 2), torch.randn(20, 1), torch.randn(20, 2)


def slopes(net: nn.Module, **options: bool) -> Tensor:
    x = X.clone().requires_grad_(True)
    return torch.autograd.grad(net(x).sum(), x, **options)[0]


def attacked(net: nn.Module) -> Tensor:
    x = X.clone().requires_grad_(True)
    found = torch.autograd.grad((net(x) - E).square().mean(), x)[0]
    return X + 0.1 * found.sign()


def fit(net: nn.Module) -> Tensor:
    return (net(X) - E).square().mean()


CONSTANT = {
    "added": lambda net: fit(net) + 0.5 * (slopes(net) - S).square().mean(),
    "retained": lambda net: (slopes(net, retain_graph=True) - S).square().mean() * 0.5 + fit(net),
    "a mean of both": lambda net: (fit(net) + (slopes(net) - S).abs().mean()) / 2,
    "subtracted": lambda net: fit(net) - slopes(net).norm(dim=1).mean(),
}
RIGHT = {
    "with its graph": lambda net: fit(net) + (slopes(net, create_graph=True) - S).square().mean(),
    "an attack": lambda net: fit(net) + (net(attacked(net)) - E).square().mean(),
    "a weight of each example": lambda net: ((net(X) - E).square() * slopes(net).norm(dim=1, keepdim=True)).mean(),
    "a constant": lambda net: fit(net) + X.square().mean(),
}


def curved(net: nn.Module, **options: bool) -> Tensor:
    """The loss of a differential equation with first and second derivatives."""
    x = X.clone().requires_grad_(True)
    y = net(x)
    first = torch.autograd.grad(y.sum(), x, create_graph=True)[0]
    second = torch.autograd.grad(first.sum(), x, **options)[0]
    return (second + first + y).square().mean()


def penalised(net: nn.Module) -> Tensor:
    """An adversarial example together with a gradient penalty: the gradient for the inputs is not a loss term."""
    return (net(attacked(net)) - E).square().mean() + slopes(net, create_graph=True).norm(dim=1).mean()


def seen(loss) -> tuple[facts.ConstantTerm | None, dict]:
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    training = Training(net, [lambda: loss(net)], origin=located)
    return kept(constant_term(training.snapshot())).fact(facts.ConstantTerm), training.noted


@pytest.mark.parametrize("name", CONSTANT)
def test_a_term_without_a_graph(name: str) -> None:
    found, noted = seen(CONSTANT[name])
    assert found.derivatives == 1
    site = noted["derivative", "0"][0]
    assert site is not None and site.file == __file__


def test_one_of_several_derivatives_without_its_graph() -> None:
    found, noted = seen(lambda net: fit(net) + curved(net, retain_graph=True))
    assert found == facts.ConstantTerm(1, is_whole=False)
    assert noted["derivative", "0"][0] is not None
    assert not seen(lambda net: fit(net) + curved(net, create_graph=True))[0]
    assert not seen(penalised)[0]


@pytest.mark.parametrize("name", RIGHT)
def test_correct_derivative_terms_are_not_reported(name: str) -> None:
    found, _ = seen(RIGHT[name])
    assert not found
