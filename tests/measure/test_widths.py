import torch
from moments import Training, kept, located
from torch import nn

from descend.doctor.measure.widths import widths
from descend.doctor.record import facts

X, Y = torch.randn(20, 6), torch.randn(20, 1)


def of(net: nn.Module) -> facts.Widths | None:
    training = Training(net, [lambda: nn.functional.mse_loss(net(X), Y)])
    return kept(widths(training.snapshot())).fact(facts.Widths)


def test_a_chain_of_layers():
    net = nn.Sequential(nn.Linear(6, 2), nn.Tanh(), nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert of(net) == facts.Widths(("0", "2", "4"), 6, (2, 3, 1))


def test_networks_that_are_not_a_chain_are_not_measured():
    assert not of(nn.Linear(6, 1))

    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right, self.last = nn.Linear(6, 2), nn.Linear(6, 2), nn.Linear(4, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.last(torch.cat([self.left(x), self.right(x)], 1).tanh())

    assert not of(Branches())
    weight = torch.randn(2, 6, requires_grad=True)
    assert not of(nn.Sequential(nn.Linear(6, 2), nn.Linear(2, 1), _ByHand(weight)))


class _ByHand(nn.Module):
    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight[:, :1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.linear(x, self.weight).sum(1, keepdim=True)


def test_the_line_that_creates_each_layer_is_recorded():
    net = nn.Sequential(nn.Linear(6, 2), nn.Tanh(), nn.Linear(2, 1))
    training = Training(net, [lambda: nn.functional.mse_loss(net(X), Y)], origin=located)
    assert list(widths(training.snapshot()))
    assert set(training.noted) == {("linear", "0"), ("linear", "2")}
