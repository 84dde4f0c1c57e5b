import pytest
import torch
import torch.nn.functional as F
from moments import Training, readings
from torch import nn

from descend.doctor.measure.gradient_noise import BATCHES, gradient_noise


def training(batch: int, noise: float, *, batches: int = BATCHES, last: int | None = None) -> Training:
    """Linear regression on noisy targets, far from its optimum."""
    torch.manual_seed(int(1000 * noise) + batch)
    net = nn.Linear(4, 1)
    sizes = [batch] * batches if last is None else [batch] * (batches - 1) + [last]
    data = [(x := torch.randn(n, 4), x.sum(1, keepdim=True) + noise * torch.randn(n, 1)) for n in sizes]
    return Training(net, [lambda x=x, y=y: F.mse_loss(net(x), y) for x, y in data]), net, data


@pytest.mark.parametrize("noise", [0.5, 4.0])
def test_the_noise_scale_is_the_variance_over_the_squared_norm(noise: float) -> None:
    """The noise scale is compared with that from the gradients of all single examples."""
    made, net, data = training(200, noise)
    found = readings(list(gradient_noise(made.snapshot())))["gradient_noise_scale", "0"]
    x, y = torch.cat([x for x, _ in data]), torch.cat([y for _, y in data])
    error = (net(x) - y).detach()
    singles = torch.cat([2 * error * x, 2 * error], 1)
    mean = singles.mean(0)
    expected = float(singles.var(0).sum() / (mean.square().sum() - singles.var(0).sum() / len(singles)))
    assert found == pytest.approx(expected, rel=0.5)  # eight batches determine a variance only within about 50 %
    assert found > 0


def test_noise_increases_the_noise_scale() -> None:
    little, much = (readings(list(gradient_noise(training(200, n)[0].snapshot()))) for n in (0.1, 6.0))
    assert much["gradient_noise_scale", "0"] > 3 * little["gradient_noise_scale", "0"]


def test_batches_of_other_sizes_are_excluded() -> None:
    whole = readings(list(gradient_noise(training(50, 1.0, batches=4)[0].snapshot())))
    rest = readings(list(gradient_noise(training(50, 1.0, batches=5, last=7)[0].snapshot())))
    assert rest == pytest.approx(whole)


def test_one_batch_has_no_noise_scale() -> None:
    assert not list(gradient_noise(training(50, 1.0, batches=1)[0].snapshot()))
