"""The errors of Taylor polynomials of functions with known next terms."""

import numpy as np
import pytest
import torch
from torch import Tensor

from descend.landscape import Loss, ends
from descend.landscape.taylor import directions, taylor

from .matrices import network

ONE = torch.float64
AT = [torch.zeros(2, dtype=ONE)]
ALONG = [torch.tensor([3.0, 0.0], dtype=ONE)]  # a direction of any length


def of(function) -> Loss:
    return Loss((lambda theta: function(theta[0][0]) + 0 * theta[0].square().sum(),))


def test_the_errors_are_the_next_terms_of_the_series() -> None:
    """For exp x, the error of the linear model is x²/2 + …, and that of the quadratic one x³/6 + …"""
    found = taylor(of(torch.exp), AT, ALONG, np.geomspace(1e-3, 1e-1, 9))
    t = np.array(found.distances)
    assert (found.slope, found.curvature) == pytest.approx((1, 1))
    assert np.array(found.changes) == pytest.approx(np.expm1(t))
    assert np.array(found.first_errors) == pytest.approx(np.expm1(t) - t, rel=1e-6)
    assert np.array(found.second_errors) == pytest.approx(np.expm1(t) - t - t**2 / 2, rel=1e-4)
    assert found.breaks_at is None


@pytest.mark.parametrize("factor", [1.0, 1e-3, 1e4])
def test_the_distance_at_which_the_quadratic_model_becomes_inaccurate(factor: float) -> None:
    """For x²/2 + x³, the error is a tenth of the change where x³ = (x²/2 + x³)/10, so at x = 1/18, in any unit."""
    found = taylor(of(lambda x: factor * (x**2 / 2 + x**3)), AT, ALONG, np.geomspace(1e-4, 10, 21))
    assert found.breaks_at == pytest.approx(1 / 18, rel=0.02)


def test_a_change_of_zero_across_a_valley_is_not_a_model_error() -> None:
    """Across a valley the change is 0 again, so the error is compared with the largest change so far."""
    loss = of(lambda x: -x + x**2 / 2 + 1e-3 * x**3)
    found = taylor(loss, AT, ALONG, np.geomspace(0.01, 3.9, 60))
    assert min(map(abs, found.changes)) < 0.01 and found.breaks_at is None


def test_a_quadratic_is_never_inaccurate_despite_rounding() -> None:
    for dtype in (ONE, torch.float32):
        loss = Loss((lambda theta: 100 + (theta[0] * torch.tensor([1e-6, 5.0])).square().sum(),))
        at = [torch.tensor([3.0, 1.0], dtype=dtype)]
        for direction in ([1.0, 0.0], [0.0, 1.0], [1.0, -2.0]):
            found = taylor(loss, at, [torch.tensor(direction, dtype=dtype)])
            assert found.breaks_at is None and len(found.distances) == 21


def test_the_model_is_inaccurate_where_the_loss_is_nan() -> None:
    found = taylor(of(lambda x: -torch.log(1 - x)), AT, ALONG, [0.1, 2.0, 3.0])
    assert 0.1 < found.breaks_at <= 2.0


@pytest.mark.slow
def test_the_directions_of_a_network() -> None:
    mean, theta, _ = network(ONE)
    known = directions(mean, theta, ends(mean.hessian(theta), theta))
    assert list(known) == ["downhill", "top eigenvector", "random"]
    for name, direction in known.items():
        found = taylor(mean, theta, direction)
        assert sum(float(d.square().sum()) for d in direction) == pytest.approx(1)
        assert found.slope < 0 or name == "random"
        near = taylor(mean, theta, direction, np.geomspace(0.005, 0.05, 9))
        for errors, order in ((near.first_errors, 2), (near.second_errors, 3)):
            assert np.polyfit(np.log(near.distances), np.log(errors), 1)[0] > order - 0.4
        assert found.breaks_at is not None


def test_without_a_gradient_there_is_no_downhill_direction() -> None:
    loss = of(lambda x: x**2)
    at = [torch.zeros(1, dtype=ONE)]
    assert list(directions(loss, at, ends(loss.hessian(at), at))) == ["top eigenvector", "random"]


@pytest.mark.parametrize("bad", [[], [0.0, 1.0], [1.0, 1.0], [-1.0], [float("nan")]])
def test_invalid_distances_are_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="rising order"):
        taylor(of(torch.exp), AT, ALONG, bad)


@pytest.mark.parametrize("bad", [[0.0, 0.0], [float("inf"), 0.0], [float("nan"), 0.0]])
def test_invalid_directions_are_refused(bad: list[float]) -> None:
    direction: list[Tensor] = [torch.tensor(bad, dtype=ONE)]
    with pytest.raises(ValueError, match="finite length"):
        taylor(of(torch.exp), AT, direction)
