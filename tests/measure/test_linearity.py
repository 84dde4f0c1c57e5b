import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept
from torch import nn

from descend.doctor.measure.connections import connections
from descend.doctor.record import facts

torch.manual_seed(0)
X, T, Y = torch.randn(20, 4), torch.randn(20, 1), torch.randint(3, (20,))


def layers(net, loss) -> int:
    training = Training(net, [lambda: loss(net(X))])
    return kept(connections(training.snapshot())).fact(facts.Connections).linear_layers


class Branches(nn.Module):
    """Combine two linear layers of the inputs; their product is not a linear function of the inputs."""

    def __init__(self, *, product: bool) -> None:
        super().__init__()
        self.a, self.b, self.out, self.product = nn.Linear(4, 5), nn.Linear(4, 5), nn.Linear(5, 1), product

    def forward(self, x):
        return self.out(self.a(x) * self.b(x) if self.product else self.a(x) + 2 * self.b(x))


LINEAR = {
    "two": (nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 1)), 2),
    "dropout and norm": (nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.1), nn.Linear(5, 1)), 2),
    "an activation at the end": (nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 1), nn.Sigmoid()), 2),
    "convolutions": (
        nn.Sequential(nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 3, 2), nn.AvgPool1d(2), nn.Flatten(), nn.Linear(3, 1)),
        2,
    ),
    "branches": (Branches(product=False), 3),
    "one": (nn.Linear(4, 1), 1),
}
ONE = nn.Linear(4, 1)
NONLINEAR = {
    "relu": nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 1)),
    "layer norm": nn.Sequential(nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, 1)),
    "max pool": nn.Sequential(
        nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 3, 2), nn.MaxPool1d(3), nn.Flatten(), nn.Linear(3, 1)
    ),
    "a product": Branches(product=True),
    "attention": nn.Sequential(
        nn.Unflatten(1, (2, 2)), nn.TransformerEncoderLayer(2, 1, 4), nn.Flatten(), nn.Linear(4, 1)
    ),
}


@pytest.mark.parametrize("name", LINEAR)
def test_layers_of_linear_networks_are_counted(name):
    net, count = LINEAR[name]
    assert layers(net, lambda z: F.mse_loss(z, T)) == count


class Unrolled(nn.Module):
    """A recurrent network without a nonlinearity, whose weights are used at each of four elements."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(1 + 3, 3), nn.Linear(3, 1)

    def forward(self, x):
        state = torch.zeros(len(x), 3)
        for element in x.split(1, 1):
            state = self.hidden(torch.cat([element, state], 1))
        return self.out(state)


def test_a_layer_called_at_each_element_counts_once():
    assert layers(Unrolled(), lambda z: F.mse_loss(z, T)) == 2


def test_weights_recomputed_at_each_call_are_one_layer():
    w, v = nn.Parameter(torch.randn(4, 4)), nn.Parameter(torch.randn(1, 4))
    net = nn.ParameterList([w, v])
    training = Training(net, [lambda: F.mse_loss(X @ w.t() @ w.t() @ v.t(), T)])
    assert kept(connections(training.snapshot())).fact(facts.Connections).linear_layers == 2


@pytest.mark.parametrize("name", NONLINEAR)
def test_nonlinear_networks_have_no_linear_layers(name):
    assert layers(NONLINEAR[name], lambda z: F.mse_loss(z, T)) == 0


def test_a_hidden_sigmoid_is_not_an_output_activation():
    net = nn.Sequential(nn.Linear(4, 5), nn.Sigmoid(), nn.Linear(5, 1), nn.Sigmoid())
    assert layers(net, lambda z: F.mse_loss(z, T)) == 0


def test_without_a_loss_call_no_layers_are_counted():
    assert layers(nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 1)), lambda z: z.exp().mean()) == 0
