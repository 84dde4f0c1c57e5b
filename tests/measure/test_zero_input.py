import torch
import torch.nn.functional as F
from moments import Training, kept
from torch import Tensor, nn

from descend.doctor.measure.zero_input import zero_input
from descend.doctor.record import facts

torch.manual_seed(0)
X, Y, Z = torch.randn(20, 4), torch.randn(20, 3), torch.zeros(20, 5)


class Two(nn.Module):
    """Reads two inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right, self.last = nn.Linear(4, 6), nn.Linear(5, 6), nn.Linear(6, 3)

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        return self.last((self.left(x) + self.right(z)).tanh())


def found(*inputs: tuple[Tensor, Tensor]) -> list[str]:
    net = Two()
    training = Training(net, [lambda x=x, z=z: F.mse_loss(net(x, z), Y) for x, z in inputs])
    return list(kept(zero_input(training.snapshot())).every(facts.ZeroInput))


def test_a_layer_that_receives_zeros_is_reported() -> None:
    assert found((X, Z)) == ["right"]
    assert found((X, torch.zeros_like(Z) * 2), (X + 1, Z)) == ["right"]


def test_one_batch_that_is_not_zero_is_enough() -> None:
    assert not found((X, Z), (X, Z + 1))
    assert not found((X, torch.ones(20, 5)))


def test_zeros_computed_by_the_network_are_not_reported() -> None:
    net = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    with torch.no_grad():
        net[0].bias.fill_(-100.0)
    assert not list(zero_input(Training(net, [lambda: F.mse_loss(net(X), Y)]).snapshot()))
