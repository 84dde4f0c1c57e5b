"""The growth of gradients with depth is that of sums of squares."""

import pytest
import torch

from descend.network.jacobians import gradient_growth, predicted_growth


@pytest.mark.parametrize(("activation", "gain"), [("linear", 1.0), ("linear", 0.5), ("relu", 2**0.5), ("relu", 1.0)])
def test_each_layer_adds_the_predicted_mean_and_variance(activation, gain):
    width, depth, draws = 20, 12, 1500
    growth = gradient_growth(activation, gain, width, depth, draws)
    mean, variance = predicted_growth(activation, gain, width)
    assert growth.per_layer[0] == pytest.approx(mean, abs=4 * (variance / depth / draws) ** 0.5)
    assert growth.per_layer[1] == pytest.approx(variance, rel=4 * (2 / draws) ** 0.5)


def test_the_logarithm_of_a_wide_linear_layer_has_the_variance_of_a_chi_squared_one():
    assert predicted_growth("linear", 1.0, 1000)[1] == pytest.approx(2 / 1000, rel=1e-2)
    assert predicted_growth("relu", 2**0.5, 1000)[1] == pytest.approx(
        5 / 1000, rel=1e-2
    )  # Hanin & Nica 2020, Theorem 1


def test_the_variance_grows_in_proportion_to_the_depth():
    variance = gradient_growth("linear", 1.0, 30, 40, 800).variance
    assert variance[39] / variance[9] == pytest.approx(4, rel=0.25)


def test_a_vector_is_multiplied_by_the_jacobian_that_autograd_computes():
    generator = torch.Generator().manual_seed(3)
    h = torch.randn(1, 6, 1, generator=generator, dtype=torch.float64)[0, :, 0]
    v = torch.randn(1, 6, 1, generator=generator, dtype=torch.float64)[0, :, 0]
    weights = [torch.randn(1, 6, 6, generator=generator, dtype=torch.float64)[0] * 0.9 / 6**0.5 for _ in range(3)]

    def network(x):
        for w in weights:
            x = torch.tanh(w @ x)
        return x

    product = torch.autograd.functional.jacobian(network, h) @ (v / v.norm())
    found = gradient_growth("tanh", 0.9, 6, 3, 1, seed=3).logarithms[0, -1]
    torch.testing.assert_close(found, 2 * product.norm().log())


@pytest.mark.parametrize("wrong", [("sigmoid", 1.0, 5, 5, 5), ("relu", 0.0, 5, 5, 5), ("relu", 1.0, 5, 0, 5)])
def test_wrong_arguments_are_named(wrong):
    with pytest.raises(ValueError, match="gradient_growth"):
        gradient_growth(*wrong)


def test_no_closed_form_is_claimed_for_tanh():
    assert predicted_growth("tanh", 1.0, 10) is None
