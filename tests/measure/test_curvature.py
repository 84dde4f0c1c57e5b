import numpy as np
import pytest
import scipy.linalg
import torch
import torch.nn.functional as F
from moments import Training, readings
from torch import Tensor, nn
from torch.func import functional_call, hessian

from descend.doctor.measure import Unavailable
from descend.doctor.measure.curvature import COUNTERFACTUAL_STEPS, curvature
from descend.doctor.measure.inputs import inputs
from descend.doctor.measure.preconditioner import preconditioner

torch.manual_seed(0)
X, Y = torch.randn(40, 3) * torch.tensor([1.0, 5.0, 0.3]) + torch.tensor([0.0, 4.0, 2.0]), torch.randn(40, 1)
BATCHES = [(X[i : i + 10], Y[i : i + 10]) for i in range(0, 40, 10)]


def regression(optimizer=None, **changes) -> Training:
    torch.manual_seed(1)
    net = nn.Linear(3, 1)
    made = None if optimizer is None else optimizer(net)
    return Training(net, [lambda x=x, y=y: F.mse_loss(net(x), y) for x, y in BATCHES], made, **changes)


def second_moments(x: Tensor) -> np.ndarray:
    """The Hessian of linear regression: twice the second moments of the inputs with a constant 1."""
    augmented = np.column_stack([x.double().numpy(), np.ones(len(x))])
    return 2 * augmented.T @ augmented / len(x)


def test_linear_regression_has_the_second_moments_curvature() -> None:
    found = readings(list(curvature(regression().snapshot())))
    values, vectors = np.linalg.eigh(second_moments(X))
    assert found["curvature", "0"] == pytest.approx(values[-1], rel=1e-4)
    quotients = [vectors[:, -1] @ second_moments(x) @ vectors[:, -1] for x, _ in BATCHES]
    assert found["curvature_low", "0"] == pytest.approx(min(quotients), rel=1e-3)
    assert found["curvature_high", "0"] == pytest.approx(max(quotients), rel=1e-3)
    assert found["curvature_lowest", "0"] == pytest.approx(values[0], rel=1e-3)
    assert len(found) == 4


def test_a_loss_with_negative_curvature() -> None:
    """At the origin, the curvature of w·v is ±1, times the mean of x·y."""
    w, v = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    net = nn.ParameterList([w, v])
    found = readings(list(curvature(Training(net, [lambda: (w * v * 3.0).sum()]).snapshot())))
    assert found["curvature", "0"] == pytest.approx(3.0) and found["curvature_lowest", "0"] == pytest.approx(-3.0)


def test_the_backward_passes_of_one_step_are_added() -> None:
    one = readings(list(curvature(regression().snapshot())))
    four = readings(list(curvature(regression(backwards=4).snapshot())))
    assert all(four[key] == pytest.approx(4 * value, rel=1e-6) for key, value in one.items())


def test_the_counterfactual_is_the_network_on_standardised_inputs() -> None:
    torch.manual_seed(2)
    net = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 1))
    training = Training(net, [lambda x=x, y=y: F.mse_loss(net(x), y) for x, y in BATCHES])
    snapshot = training.snapshot()
    list(inputs(snapshot))
    found = readings(list(curvature(snapshot)))
    z = (X - X.mean(0)) / X.std(0, correction=0)
    fed = [(z[i : i + 10], Y[i : i + 10]) for i in range(0, 40, 10)]
    other = Training(net, [lambda x=x, y=y: F.mse_loss(net(x), y) for x, y in fed])
    expected = readings(list(curvature(other.snapshot())))
    assert found["curvature_standardised", "0"] == pytest.approx(expected["curvature", "0"], rel=1e-3)
    assert found["curvature", "0"] > 2 * found["curvature_standardised", "0"]


def test_the_counterfactual_of_linear_regression_in_closed_form() -> None:
    training = regression()
    snapshot = training.snapshot()
    list(inputs(snapshot))
    found = readings(list(curvature(snapshot)))
    z = (X - X.mean(0)) / X.std(0, correction=0)
    assert found["curvature_standardised", "0"] == pytest.approx(np.linalg.eigvalsh(second_moments(z))[-1], rel=1e-3)


def test_the_counterfactual_of_a_convolution() -> None:
    torch.manual_seed(0)
    net, x = nn.Sequential(nn.Conv1d(2, 3, 3), nn.Flatten(), nn.Linear(18, 1)), torch.randn(12, 2, 8) * 5 + 3
    snapshot = Training(net, [lambda: net(x).square().mean()]).snapshot()
    list(inputs(snapshot))
    z = (x - x.mean((0, 2), keepdim=True)) / x.std((0, 2), correction=0, keepdim=True)
    expected = readings(list(curvature(Training(net, [lambda: net(z).square().mean()]).snapshot())))
    found = readings(list(curvature(snapshot)))
    assert found["curvature_standardised", "0"] == pytest.approx(expected["curvature", "0"], rel=1e-3)


def test_standardised_inputs_are_tried_in_the_first_steps_only() -> None:
    training = regression(step=COUNTERFACTUAL_STEPS + 1)
    snapshot = training.snapshot()
    list(inputs(snapshot))
    assert ("curvature_standardised", "0") not in readings(list(curvature(snapshot)))


@pytest.mark.parametrize("steps", [1, 7])
@pytest.mark.parametrize("rule", [torch.optim.Adam, torch.optim.RMSprop, torch.optim.Adagrad, torch.optim.NAdam])
def test_an_adaptive_rules_curvature_is_the_generalised_eigenvalue(rule, steps: int) -> None:
    training = regression(lambda net: rule(net.parameters(), lr=0.01))
    assert ("curvature", "0") in readings(list(curvature(training.snapshot())))  # before its first step
    training.train(steps)
    snapshot = training.snapshot()
    list(inputs(snapshot))
    found = readings(list(curvature(snapshot)))
    scale = preconditioner(training.optimizer, training.parameters)
    flat = torch.cat([s.reshape(-1) for s in scale]).double().numpy()
    exact = scipy.linalg.eigh(second_moments(X), np.diag(flat), eigvals_only=True)[-1]
    assert found["preconditioned_curvature", "0"] == pytest.approx(exact, rel=1e-3)
    assert set(found) == {(f"preconditioned_curvature{end}", "0") for end in ("", "_low", "_high", "_lowest")}


def test_groups_with_different_learning_rates() -> None:
    """α·λmax must be the largest eigenvalue of A^½ H A^½, where A is the diagonal matrix of the learning rates."""
    groups = lambda net: torch.optim.SGD([{"params": [net.weight]}, {"params": [net.bias], "lr": 2.0}], lr=0.05)  # noqa: E731
    found = readings(list(curvature(regression(groups).snapshot())))
    rates = np.diag(np.sqrt([0.05, 0.05, 0.05, 2.0]))
    exact = np.linalg.eigvalsh(rates @ second_moments(X) @ rates)[-1]
    assert 0.05 * found["curvature", "0"] == pytest.approx(exact, rel=1e-3)


def test_a_group_with_learning_rate_zero_does_not_count() -> None:
    groups = lambda net: torch.optim.SGD([{"params": [net.weight]}, {"params": [net.bias], "lr": 0.0}], lr=0.05)  # noqa: E731
    found = readings(list(curvature(regression(groups).snapshot())))
    assert found["curvature", "0"] == pytest.approx(np.linalg.eigvalsh(second_moments(X)[:3, :3])[-1], rel=1e-3)


@pytest.mark.slow
def test_a_deep_network_against_its_full_hessian_and_from_a_warm_start() -> None:
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 4))
    labels = torch.randint(4, (40,))
    training = Training(
        net,
        [lambda i=i: F.cross_entropy(net(X[i : i + 10]), labels[i : i + 10]) for i in range(0, 40, 10)],
        torch.optim.SGD(net.parameters(), lr=0.05),
    )
    names, sizes = zip(*[(n, p.numel()) for n, p in net.named_parameters()])

    def exact() -> float:
        flat = torch.cat([p.detach().reshape(-1) for p in training.parameters])

        def loss(v: Tensor) -> Tensor:
            pieces = [piece.view_as(p) for piece, p in zip(v.split(sizes), training.parameters)]
            return F.cross_entropy(functional_call(net, dict(zip(names, pieces)), (X,)), labels)

        return torch.linalg.eigvalsh(hessian(loss)(flat))[-1].item()

    for _ in range(4):
        assert readings(list(curvature(training.snapshot())))["curvature", "0"] == pytest.approx(exact(), rel=0.03)
        training.train(2)


def test_two_optimizers_do_not_share_a_warm_start() -> None:
    training = regression()
    shared = training.memory
    list(curvature(training.snapshot()))
    torch.manual_seed(0)
    other = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    x = torch.randn(8, 2)
    second = Training(other, [lambda: other(x).square().mean()], memory=shared)
    assert readings(list(curvature(second.snapshot(key="1"))))["curvature", "1"] > 0


def test_parameters_that_are_frozen_later() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    training = Training(net, [lambda: F.mse_loss(net(X), Y)])
    list(curvature(training.snapshot()))
    net[0].requires_grad_(False)
    assert readings(list(curvature(training.snapshot())))["curvature", "0"] > 0


def test_the_search_ends_when_the_time_is_up() -> None:
    asked: list[int] = []
    snapshot = regression().snapshot(go_on=lambda products: asked.append(products) or products < 2)
    assert readings(list(curvature(snapshot)))["curvature", "0"] > 0
    assert asked == [1, 2]


def unavailable(training: Training, reason: str, **changes) -> None:
    with pytest.raises(Unavailable, match=reason):
        list(curvature(training.snapshot(**changes)))


def test_a_reason_is_given_if_there_is_no_curvature() -> None:
    training = regression()
    unavailable(training, "could not be recorded", monitor=())
    deep = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
    broken = Training(deep, [lambda: F.mse_loss(deep(X), Y)])
    with torch.no_grad():
        deep[2].weight.fill_(float("nan"))
    unavailable(broken, "not finite")
    bag = nn.EmbeddingBag(5, 3)
    unavailable(Training(bag, [lambda: bag(torch.tensor([[0, 1]])).pow(3).sum()]), "embedding_bag")
    net, x = nn.Linear(1000, 1), torch.randn(1100, 1000)
    stale = Training(net, [lambda: net(x).square().mean()])
    x.zero_()
    unavailable(stale, "changed its data")


def test_the_measurement_does_not_change_the_script() -> None:
    training = regression(lambda net: torch.optim.Adam(net.parameters()))
    training.train(2)
    kept = [(p.detach().clone(), p.grad.clone()) for p in training.parameters]
    state = torch.get_rng_state()
    list(curvature(training.snapshot()))
    assert torch.equal(torch.get_rng_state(), state)
    for p, (value, grad) in zip(training.parameters, kept):
        assert torch.equal(p, value) and torch.equal(p.grad, grad)
