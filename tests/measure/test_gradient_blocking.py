"""Which calls pass on little of the gradient."""

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept, located
from torch import Tensor, nn

from descend.doctor.instrumentation.tape_control import ANYTHING
from descend.doctor.measure.gradient_blocking import MOST, gradient_blocking
from descend.doctor.record import facts

torch.manual_seed(0)
X, Y = torch.randn(64, 8), torch.randint(0, 4, (64,))


class Net(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.inner, self.outer, self.function = nn.Linear(8, 16), nn.Linear(16, 4), function

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.function(self.inner(x)))


def seen(net: nn.Module) -> list[tuple[str, float]]:
    """Return the name of each reported call and the share of the gradient that it passes on."""
    training = Training(net, [lambda: F.cross_entropy(net(X), Y)], origin=located, interesting=ANYTHING)
    found = kept(gradient_blocking(training.snapshot()))
    assert found.facts.keys() == training.noted.keys()
    return [(call.function, call.passes) for call in found.every(facts.OnNetwork).values()]


BLOCKING = {"softmax": lambda h: h.softmax(-1), "sign": torch.sign, "sigmoid": torch.sigmoid, "round": torch.round}
PASSING = {"relu": torch.relu, "tanh": torch.tanh, "gelu": F.gelu, "nothing": lambda h: h, "scale": lambda h: h * 0.1}


@pytest.mark.parametrize("name", BLOCKING)
def test_blocking_calls_are_reported(name):
    [(function, passes)] = seen(Net(BLOCKING[name]))
    assert function == name and passes < 0.3 and (passes == 0) == (name in ("sign", "round"))


@pytest.mark.parametrize("name", PASSING)
def test_passing_calls_are_not_reported(name):
    assert seen(Net(PASSING[name])) == []


def test_the_passed_share_equals_the_slope():
    """If all inputs of a sigmoid are 0, its slope is a quarter everywhere."""
    net = Net(torch.sigmoid)
    nn.init.zeros_(net.inner.weight)
    nn.init.zeros_(net.inner.bias)
    [(_, passes)] = seen(net)
    assert passes == pytest.approx(0.25, rel=1e-5)


def test_the_strongest_blocking_calls_come_first_and_are_limited():
    def several(h: Tensor) -> Tensor:
        h = torch.sigmoid(h)
        h = torch.sign(h - 0.5)
        h = h.softmax(-1)
        h = torch.sigmoid(h)
        return torch.sigmoid(h).softmax(-1)

    found = seen(Net(several))
    assert len(found) == MOST and [p for _, p in found] == sorted(p for _, p in found) and found[0][0] == "sign"


def test_nothing_is_reported_without_trained_parameters():
    frozen = Net(torch.sigmoid)
    frozen.inner.requires_grad_(False)
    assert seen(frozen) == []
