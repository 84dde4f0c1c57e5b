from typing import Any

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept
from torch import Tensor, nn

from descend.doctor.measure import Unavailable
from descend.doctor.measure.gradients import gradients
from descend.doctor.record import facts

torch.manual_seed(0)
X, Y = torch.randn(20, 4), torch.randint(3, (20,))
IMAGES, SEQUENCES = torch.randn(8, 1, 8, 8), torch.randn(8, 5, 4)
RIGHT, WRONG = 1e-6, 0.01


def errors(net: nn.Module, *steps: Any) -> dict[str, float]:
    found = kept(gradients(Training(net, steps).snapshot())).every(facts.ModuleGradient)
    return {place: checked.error for place, checked in found.items()}


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.head = nn.LSTM(4, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.cell(x)[0][:, -1])


class Bare(nn.Module):
    """A module with its own parameters and without layers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.randn(4, 3)), nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))


def convolutions() -> nn.Module:
    stem = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout2d(0.2))
    return nn.ModuleDict({"stem": stem, "head": nn.Linear(144, 3)})


def test_a_perceptron_with_normalisation_and_dropout() -> None:
    net = perceptron()
    found = errors(net, lambda: F.cross_entropy(net(X), Y))
    assert list(found) == ["0", "1", "4"] and max(found.values()) < RIGHT


def test_a_convolutional_network() -> None:
    net = convolutions()
    found = errors(net, lambda: F.cross_entropy(net["head"](net["stem"](IMAGES).flatten(1)), Y[:8]))
    assert list(found) == ["stem.0", "stem.1", "head"] and max(found.values()) < RIGHT


def test_an_lstm() -> None:
    net = Recurrent()
    found = errors(net, lambda: F.cross_entropy(net(SEQUENCES), Y[:8]))
    assert list(found) == ["cell", "head"] and max(found.values()) < RIGHT


def test_an_embedding_and_the_parameters_of_a_custom_module() -> None:
    net = nn.ModuleDict({"table": nn.Embedding(3, 4), "bare": Bare()})
    found = errors(net, lambda: F.cross_entropy(net["bare"](net["table"](Y)), Y))
    assert list(found) == ["table", "bare"] and max(found.values()) < RIGHT


def test_gradients_under_autocast_are_correct() -> None:
    net = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))

    def step() -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return F.cross_entropy(net(X), Y)

    assert max(errors(net, step).values()) < RIGHT


FLOATS = {
    "the prediction is cast": lambda net: F.mse_loss(net(X).float(), X[:, :3]),
    "a tensor is filled": lambda net: F.cross_entropy(torch.empty(20, 3).copy_(net(X)), Y),
}


@pytest.mark.parametrize("cast", FLOATS)
def test_a_cast_to_float32_is_not_reported_as_an_error(cast: str) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 3))
    try:
        found = errors(net, lambda: FLOATS[cast](net))
    except Unavailable:
        return
    assert max(found.values()) < 1e-3


def test_frozen_parameters_are_not_checked_and_no_gradient_remains() -> None:
    net = perceptron()
    net[0].requires_grad_(False)
    training = Training(net, [lambda: F.cross_entropy(net(X), Y)])
    before = {name: value.clone() for name, value in net.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    found = kept(gradients(training.snapshot()))
    assert list(found.every(facts.ModuleGradient)) == ["1", "4"]
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())


def test_changed_data_are_unavailable() -> None:
    x, net = torch.randn(1100, 1000), nn.Linear(1000, 1)
    training = Training(net, [lambda: net(x).square().mean()])
    x.zero_()
    with pytest.raises(Unavailable, match="changed its data"):
        list(gradients(training.snapshot()))
