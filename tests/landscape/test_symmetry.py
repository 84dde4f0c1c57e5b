"""Permuted or rescaled hidden units give the same function; the loss between two orders."""

from itertools import permutations as orders_of

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from descend.landscape import loss_of, trained
from descend.landscape.hidden import Axis, Hidden, averaged, permuted, random_order, scaled, switched_off
from descend.landscape.permutation import losses_on_line, mean_point, permutations

X = torch.randn(40, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
Y = X[:, :1] * X[:, 1:2] + X[:, 2:3].sin()
UNITS = 5
LAYER = Hidden(
    UNITS,
    (Axis(0, 0), Axis(1, 0), Axis(2, 1)),
    incoming=(Axis(0, 0), Axis(1, 0)),
    outgoing=(Axis(2, 1),),
)
CHANNELS = Hidden(3, (Axis(0, 0), Axis(1, 0), Axis(2, 1, 4)), (Axis(0, 0), Axis(1, 0)), (Axis(2, 1, 4),))


def mlp(steps: int = 0) -> nn.Module:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, UNITS), nn.ReLU(), nn.Linear(UNITS, 1)).double()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        F.mse_loss(net(X), Y).backward()
        optimizer.step()
    return net


def cnn() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(nn.Conv1d(1, 3, 1), nn.ReLU(), nn.Flatten(), nn.Linear(12, 2)).double()


def output(net: nn.Module, theta: list[Tensor], x: Tensor) -> Tensor:
    names = [name for name, _ in net.named_parameters()]
    return torch.func.functional_call(net, dict(zip(names, theta)), (x,))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.floats(1e-3, 1e3))
def test_any_order_and_any_scale_give_the_same_outputs(seed: int, factor: float) -> None:
    for net, hidden, x in ((mlp(), LAYER, X), (cnn(), CHANNELS, X[:, None])):
        at, order = trained(net), random_order(hidden, seed)
        factors = factor * torch.arange(1, hidden.count + 1)
        for changed in (permuted(at, hidden, order), scaled(at, hidden, factor), scaled(at, hidden, factors)):
            torch.testing.assert_close(output(net, changed, x), net(x))
        back = permuted(permuted(at, hidden, order), hidden, order.argsort())
        assert all(torch.equal(a, b) for a, b in zip(back, at))


@pytest.mark.parametrize("axes", [LAYER.axes, (Axis(0, 0), Axis(1, 0), Axis(2, 1), Axis(4, 0), Axis(4, 1))])
def test_the_average_equals_the_mean_over_all_orders(axes: tuple[Axis, ...]) -> None:
    hidden = Hidden(UNITS, axes)
    at = [*trained(mlp()), torch.randn(UNITS, UNITS, dtype=torch.float64)]
    every = mean_point([permuted(at, hidden, torch.tensor(order)) for order in orders_of(range(UNITS))])
    for ours, theirs in zip(averaged(at, hidden), every):
        torch.testing.assert_close(ours, theirs)


def test_the_average_of_a_recurrent_matrix_with_blocks() -> None:
    hidden = Hidden(3, (Axis(0, 0, 2), Axis(0, 2, 3)))
    at = [torch.randn(6, 2, 9, dtype=torch.float64)]
    every = mean_point([permuted(at, hidden, torch.tensor(order)) for order in orders_of(range(3))])
    torch.testing.assert_close(averaged(at, hidden)[0], every[0])


def test_the_average_of_a_trained_network_has_a_larger_loss_so_it_is_not_convex() -> None:
    net = mlp(300)
    found = permutations(loss_of(net, F.mse_loss, [(X, Y)]), trained(net), [LAYER])
    assert found.is_symmetric and found.difference < 1e-12
    assert found.mean > 2 * found.cost and found.barrier > 0 and found.is_not_convex
    assert found.means[0] == (1, found.copies[0]) and found.means[-1][0] == len(found.copies)
    assert found.line[0] == found.copies[0] and found.line[-1] == pytest.approx(found.copies[1])


def test_equal_units_prove_nothing() -> None:
    net = mlp()
    loss, at = loss_of(net, F.mse_loss, [(X, Y)]), averaged(trained(net), LAYER)
    found = permutations(loss, at, [LAYER])
    assert found.mean == pytest.approx(found.cost) and not found.is_not_convex


def test_wrongly_described_units_are_detected() -> None:
    net = mlp(50)
    wrong = Hidden(UNITS, (Axis(0, 0), Axis(1, 0)))  # the outgoing weights are missing
    found = permutations(loss_of(net, F.mse_loss, [(X, Y)]), trained(net), [wrong])
    assert not found.is_symmetric and not found.is_not_convex


def test_a_convex_loss_is_not_higher_on_the_line_between_two_orders() -> None:
    net = nn.Linear(4, 1).double()
    a, b = ([torch.randn_like(p) for p in net.parameters()] for _ in range(2))
    costs = losses_on_line(loss_of(net, F.mse_loss, [(X, Y)]), a, b, 5)
    assert all(cost <= (1 - k / 4) * costs[0] + k / 4 * costs[-1] + 1e-12 for k, cost in enumerate(costs))


def test_units_switched_off_output_zero() -> None:
    net = mlp(50)
    off = switched_off(trained(net), LAYER)
    torch.testing.assert_close(output(net, off, X), net[2].bias.expand(40, 1))


def test_bad_input() -> None:
    at = trained(mlp())
    with pytest.raises(ValueError, match="must contain each unit once"):
        permuted(at, LAYER, torch.tensor([0, 0, 1, 2, 3]))
    with pytest.raises(ValueError, match="positive number, not -1"):
        scaled(at, LAYER, -1.0)
    with pytest.raises(ValueError, match="not known to be positively homogeneous"):
        scaled(at, Hidden(UNITS, LAYER.axes), 2.0)
    with pytest.raises(ValueError, match="by their biases"):
        switched_off(at, Hidden(UNITS, LAYER.axes, (Axis(0, 0),), (Axis(2, 1),)))
    with pytest.raises(ValueError, match="2 copies"):
        permutations(loss_of(mlp(), F.mse_loss, [(X, Y)]), at, [LAYER], copies=1)
