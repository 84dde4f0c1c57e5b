import pytest
import torch
import torch.nn.functional as F
from moments import Training, readings
from torch import nn

from descend.doctor.measure import update_ratio
from descend.doctor.measure.gradient import MOST_PARAMETERS, gradient

X, Y = torch.randn(8, 3), torch.randint(2, (8,))


def classifier() -> Training:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2))
    return Training(net, [lambda: F.cross_entropy(net(X), Y)], torch.optim.SGD(net.parameters(), lr=0.3))


def test_gradient_norms_in_total_and_for_each_parameter() -> None:
    training = classifier()
    training.steps[0]().backward()
    found = readings(list(gradient(training.snapshot())))
    grads = {name: p.grad for name, p in training.net.named_parameters()}
    total = torch.cat([g.flatten() for g in grads.values()]).norm().item()
    assert found["gradient_norm", ""] == pytest.approx(total, rel=1e-6)
    for name, g in grads.items():
        assert found["gradient_norm", name] == pytest.approx(g.norm().item(), rel=1e-6)
    assert len(found) == 5


def test_sparse_missing_and_unnamed_gradients() -> None:
    table, rest = nn.Embedding(6, 3, sparse=True), nn.Parameter(torch.ones(2))
    net = nn.ParameterList([table.weight, rest])
    table(torch.tensor([1, 1, 4])).square().sum().backward()
    assert table.weight.grad.is_sparse
    snapshot = Training(net, []).snapshot(names={})
    found = readings(list(gradient(snapshot)))
    dense = table.weight.grad.to_dense().norm().item()
    assert found["gradient_norm", "parameter 0"] == pytest.approx(dense, rel=1e-6)
    assert found["gradient_norm", ""] == pytest.approx(dense, rel=1e-6)
    assert len(found) == 2


def test_no_gradient_at_all() -> None:
    assert list(gradient(classifier().snapshot())) == []


def test_gradients_that_are_not_finite() -> None:
    training = classifier()
    training.steps[0]().backward()
    training.parameters[0].grad[0, 0] = float("nan")
    found = readings(list(gradient(training.snapshot())))
    assert found["gradient_norm", ""] != found["gradient_norm", ""]
    assert found["gradient_norm", "2.bias"] > 0


def test_the_number_of_listed_parameters_is_limited() -> None:
    net = nn.ParameterList([torch.ones(1) for _ in range(MOST_PARAMETERS + 20)])
    sum(p.sum() for p in net).backward()
    found = readings(list(gradient(Training(net, []).snapshot())))
    assert len(found) == MOST_PARAMETERS + 1
    assert found["gradient_norm", ""] == pytest.approx((MOST_PARAMETERS + 20) ** 0.5)


def test_how_far_a_step_moves_each_parameter() -> None:
    training = classifier()
    with torch.no_grad():
        training.net[2].bias.zero_()
    before = {id(p): p.detach().clone() for p in training.parameters}
    training.memory["before_step"] = before
    training.train()
    found = readings(list(update_ratio(training.snapshot())))
    for name, p in training.net.named_parameters():
        if name == "2.bias":  # it was zero: there is no ratio
            assert ("update_ratio", name) not in found
        else:
            step = 0.3 * p.grad.norm() / before[id(p)].norm()
            assert found["update_ratio", name] == pytest.approx(step.item(), rel=1e-4)


def test_without_earlier_values_there_is_no_ratio() -> None:
    assert list(update_ratio(classifier().snapshot())) == []
