"""Measures of sharpness compared with closed forms, and which of them the rescaling of Dinh et al. changes."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, hessian

from descend.landscape import Loss, loss_of, trained
from descend.landscape.hidden import Axis, Hidden
from descend.landscape.sharpness import (
    adaptive_curvature,
    box_sharpness,
    fisher_rao_norm,
    measures,
    relative_flatness,
    rescaling,
)

X = torch.randn(60, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
CLASSES = (X[:, 0] * X[:, 1] > 0).long() + (X[:, 2] > 0.5).long()
LAYER = Hidden(6, (Axis(0, 0), Axis(1, 0), Axis(2, 1)), (Axis(0, 0), Axis(1, 0)), (Axis(2, 1),))
DIAGONAL = torch.tensor([1.0, 4.0, 0.5], dtype=torch.float64)
BOWL = Loss((lambda theta: (DIAGONAL * theta[0] ** 2).sum() / 2,))


def classifier(steps: int = 100) -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.03)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(X), CLASSES).backward()
        optimizer.step()
    return net


def test_measures_of_a_quadratic_equal_their_closed_forms() -> None:
    at = [torch.tensor([0.0, 2.0, -3.0], dtype=torch.float64)]
    assert adaptive_curvature(BOWL.hessian(at), at) == pytest.approx(16)  # λ θ² is 0, 16 and 4.5
    cost, reach = 8 + 2.25, 1e-3 * torch.tensor([1.0, 3.0, 4.0])
    highest = float((DIAGONAL * (at[0].abs() + reach) ** 2).sum() / 2)
    assert box_sharpness(BOWL, at) == pytest.approx(100 * (highest - cost) / (1 + cost), rel=1e-4)


@pytest.mark.slow
def test_relative_flatness_is_the_sum_of_its_definition() -> None:
    net = classifier()
    at = trained(net)
    loss = loss_of(net, F.cross_entropy, [(X, CLASSES)])

    def of_layer(weight: Tensor) -> Tensor:
        return loss.parts[0]([at[0], at[1], weight, at[3]])

    blocks = hessian(of_layer)(at[2])  # (3, 6, 3, 6)
    exact = sum((at[2][s] @ at[2][t]) * blocks[s, :, t, :].diagonal().sum() for s in range(3) for t in range(3))
    found = relative_flatness(loss.hessian(at), at, 2, samples=2000)
    assert found == pytest.approx(float(exact), rel=0.05)
    with pytest.raises(ValueError, match="not a tensor of 1 dimensions"):
        relative_flatness(loss.hessian(at), at, 1)


def test_the_fisher_rao_norm_of_a_softmax() -> None:
    net = classifier()
    names = [name for name, _ in net.named_parameters()]
    at = trained(net)
    _, moved = torch.func.jvp(lambda *theta: functional_call(net, dict(zip(names, theta)), (X,)), tuple(at), tuple(at))
    p = net(X).softmax(1).detach()
    exact = ((p * moved**2).sum(1) - (p * moved).sum(1) ** 2).mean()  # the variance of the outputs' change under p
    assert fisher_rao_norm(loss_of(net, F.cross_entropy, [(X, CLASSES)]), at) == pytest.approx(float(exact))


def test_some_measures_of_sharpness_survive_a_rescaling() -> None:
    net = classifier()
    loss = loss_of(net, F.cross_entropy, [(X, CLASSES)])
    found = rescaling(loss, trained(net), LAYER, 20.0)
    assert found.rescaled_cost == pytest.approx(found.cost, rel=1e-12)
    by_name = {m.measure.split(" (")[0]: m for m in found.measures}
    assert by_name["largest eigenvalue"].after > 10 * by_name["largest eigenvalue"].before
    assert {name for name, m in by_name.items() if m.survives} == {
        "adaptive largest eigenvalue",
        "relative flatness",
        "filter-normalised rise at 0.1",
        "Fisher–Rao norm, squared",
    }


def test_without_outputs_there_is_no_fisher_rao_norm() -> None:
    net = classifier(5)
    found = measures(Loss(loss_of(net, F.cross_entropy, [(X, CLASSES)]).parts), trained(net))
    assert len(found) == 6 and not any("Fisher" in name for name in found)
