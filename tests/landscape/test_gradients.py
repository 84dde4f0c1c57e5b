"""Gradients of single examples and of batches compared with closed forms, and their noise scale."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from descend.landscape import gradients as module
from descend.landscape import loss_of, trained
from descend.landscape.gradients import Gradients, example_gradients, part_gradients
from descend.landscape.noise_scale import noise_scale, unbiased_moments


def regression(count: int, seed: int = 0, noise: float = 1.0) -> tuple[nn.Linear, Tensor, Tensor]:
    """Return a linear model at w* + 0.3, inputs of variance 1, and targets x·w* + noise."""
    torch.manual_seed(seed)
    model = nn.Linear(5, 1, bias=False).double()
    x = torch.randn(count, 5, dtype=torch.float64)
    with torch.no_grad():
        y = model(x) + noise * torch.randn(count, 1, dtype=torch.float64)
        model.weight += 0.3
    return model, x, y


def test_gradients_of_a_linear_regression_equal_twice_the_error_times_the_input() -> None:
    model, x, y = regression(20)
    found = example_gradients(model, F.mse_loss, x, y)
    assert torch.allclose(found.rows, 2 * (model(x) - y).detach() * x)
    assert torch.allclose(found.mean, loss_of(model, F.mse_loss, [(x, y)]).gradient(trained(model))[0].flatten())
    assert torch.allclose(found.gram, found.rows @ found.rows.T)
    centred = found.rows - found.rows.mean(0)
    assert torch.allclose(found.errors, centred @ centred.T)


class Branching(nn.Module):
    """A model that `vmap` refuses, because it branches on a value."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(5, 1, bias=False).double()

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) if x.sum() > 0 else 2 * self.layer(x)


def test_a_model_without_vmap_is_differentiated_example_by_example() -> None:
    _, x, y = regression(6)
    model = Branching()
    found = example_gradients(model, lambda o, t: ((o - t) ** 2).mean(), x[:1].expand(6, 5), y)
    factor = 1.0 if x[0].sum() > 0 else 2.0
    error = (model(x[:1]) - y).detach()
    assert torch.allclose(found.rows, 2 * factor * error * x[:1])


def test_each_part_of_a_loss_has_a_row_of_gradients() -> None:
    model, x, y = regression(12)
    each = example_gradients(model, F.mse_loss, x, y)
    found = part_gradients(loss_of(model, F.mse_loss, zip(x.split(4), y.split(4))), trained(model), 4)
    assert torch.allclose(found.rows, each.rows.view(3, 4, 5).mean(1)) and found.examples == 4


def test_models_and_losses_without_example_gradients_are_refused() -> None:
    model, x, y = regression(9)
    normalised = nn.Sequential(nn.BatchNorm1d(5).double(), model)
    with pytest.raises(ValueError, match="0 normalises over the batch"):
        example_gradients(normalised, F.mse_loss, x, y)
    assert len(example_gradients(normalised.eval(), F.mse_loss, x, y).rows) == 9
    with pytest.raises(ValueError, match="reduction='mean'"):
        example_gradients(model, nn.MSELoss(reduction="sum"), x, y)


def test_too_many_gradients_are_refused_with_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, y = regression(9)
    monkeypatch.setattr(module, "ROWS_BYTES", 4 * 5 * 8)
    with pytest.raises(ValueError, match="9 gradients of 5 parameters .* at most 4 parts"):
        example_gradients(model, F.mse_loss, x, y)
    with pytest.raises(ValueError, match="not finite"):
        Gradients(torch.tensor([[1.0], [float("nan")]]))
    with pytest.raises(ValueError, match="at least two gradients"):
        Gradients(torch.zeros(1, 3))


@pytest.mark.slow
def test_the_estimates_are_unbiased_for_linear_regression() -> None:
    """At w* + d, the gradient is 2·d and its covariance 4·((|d|² + σ²)·I + d·dᵀ), for normal inputs."""
    found = []
    for seed in range(150):
        model, x, y = regression(40, seed)
        sample = noise_scale(example_gradients(model, F.mse_loss, x, y))
        found.append((sample.squared, sample.variance))
    squared, variance = torch.tensor(found).T
    length = 5 * 0.3**2
    expected = 4 * length, 4 * (5 * (length + 1) + length)
    for values, truth in zip((squared, variance), expected):
        assert abs(float(values.mean()) - truth) < 3 * float(values.std()) / len(values) ** 0.5


def test_batches_and_examples_have_the_same_noise_scale() -> None:
    rows = torch.randn(4000, 6, generator=torch.Generator().manual_seed(0)).double() + 0.5
    one, many = noise_scale(Gradients(rows)), noise_scale(Gradients(rows.view(500, 8, 6).mean(1), 8))
    assert one.value == pytest.approx(6 / (6 * 0.25), rel=0.1)
    assert many.value == pytest.approx(one.value, rel=0.15)
    assert one.error(16) == pytest.approx((one.value / 16) ** 0.5)


def test_the_moments_are_those_of_two_batch_sizes() -> None:
    """McCandlish et al. 2018, A.2 uses the squared norms |G|² + tr Σ / B of two batch sizes B."""
    squared, variance = 3.0, 7.0
    assert unbiased_moments(squared + variance / 4, squared + variance / 40, 10, 4) == pytest.approx(
        (squared, variance)
    )


@pytest.mark.parametrize("length", [1.0, 0.3, 0.0])
def test_the_intervals_of_the_noise_scale_cover_it(length: float) -> None:
    spread = torch.logspace(0, -2, 30)
    covered = open_ends = 0
    for seed in range(200):
        rows = torch.randn(64, 30, generator=torch.Generator().manual_seed(seed)) * spread.sqrt()
        rows[:, 3] += length
        low, high = noise_scale(Gradients(rows)).interval()
        truth = float(spread.sum()) / length**2 if length else float("inf")
        covered += low <= truth <= high
        open_ends += high == float("inf")
    assert covered >= 180
    assert open_ends == 0 if length == 1.0 else open_ends > 20


def test_a_noise_scale_needs_three_gradients() -> None:
    with pytest.raises(ValueError, match="at least 3 gradients, not 2"):
        noise_scale(Gradients(torch.randn(2, 3)))
