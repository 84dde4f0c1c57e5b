from math import isnan, log

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept
from torch import Tensor, nn

from descend.doctor.measure import Snapshot, Unavailable
from descend.doctor.measure.loss_call import loss_call
from descend.doctor.measure.loss_input import loss_input
from descend.doctor.record import Record, facts

torch.manual_seed(0)
X, Y = torch.randn(30, 4), torch.randint(3, (30,))


def seen_at(snapshot: Snapshot) -> Record:
    return kept(loss_input(snapshot))


def described(net: nn.Module, *steps) -> tuple[facts.LossInput, facts.Targets]:
    found = seen_at(Training(net, steps).snapshot())
    return found.fact(facts.LossInput), found.fact(facts.Targets)


def test_logits_and_classes() -> None:
    net = nn.Linear(4, 3)
    z, targets = described(
        net, lambda: F.cross_entropy(net(X[:20]), Y[:20]), lambda: F.cross_entropy(net(X[20:]), Y[20:])
    )
    out = net(X)
    assert (z.function, z.task, z.activation, z.classes) == ("cross_entropy", "classes", None, 3)
    assert (z.shape, z.target_shape, z.dtype) == ((20, 3), (20,), "float32")
    assert (z.min, z.max) == pytest.approx((out.min().item(), out.max().item()))
    assert (z.row_sum_min, z.row_sum_max) == pytest.approx((out.sum(1).min().item(), out.sum(1).max().item()))
    spread = max(out[:20].std(0, correction=0).max().item(), out[20:].std(0, correction=0).max().item())
    assert z.spread == pytest.approx(spread, rel=1e-5)
    shares = torch.bincount(Y).double() / 30
    assert targets.entropy == pytest.approx(-(shares * shares.log()).sum().item())
    assert (targets.classes_seen, targets.min, targets.max, targets.count) == (3, 0, 2, 30)
    assert targets.dtype == "int64"


ENDS = {
    "softmax": (nn.Softmax(dim=1), "softmax"),
    "log_softmax": (nn.LogSoftmax(dim=1), "log_softmax"),
    "sigmoid": (nn.Sigmoid(), "sigmoid"),
    "tanh": (nn.Tanh(), "tanh"),
    "relu": (nn.ReLU(), "relu"),
    "relu in place": (nn.ReLU(inplace=True), "relu"),
    "softplus": (nn.Softplus(), "softplus"),
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("reshaped", [False, True])
def test_the_activation_before_the_loss_is_named(name: str, reshaped: bool) -> None:
    module, expected = ENDS[name]
    net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3), module)

    def step() -> Tensor:
        out = net(X)
        return F.cross_entropy(out.reshape(-1, 3).contiguous() if reshaped else out, Y)

    training = Training(net, [step])
    z = seen_at(training.snapshot()).fact(facts.LossInput)
    assert (z.activation, z.activation_module) == (expected, "3")
    assert training.noted["activation", "output"] == (None, type(module).__name__)


def test_a_functional_activation_is_named_by_its_module() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return torch.sigmoid(self.inner(x))

    net = Net()
    training = Training(net, [lambda: F.cross_entropy(net(X), Y)])
    z = seen_at(training.snapshot()).fact(facts.LossInput)
    assert (z.activation, z.activation_module) == ("sigmoid", "")
    assert training.noted["activation", "output"] == (None, "sigmoid")


def test_an_activation_followed_by_another_call_is_not_reported() -> None:
    net = nn.Linear(4, 3)
    for change in (lambda p: p * 3, lambda p: p + X[:, :3], lambda p: p.clone().index_fill_(1, torch.tensor([0]), 0.0)):
        assert described(net, lambda c=change: F.cross_entropy(c(net(X).sigmoid()), Y))[0].activation is None


def test_a_clamp_of_probabilities_is_not_an_activation() -> None:
    net = nn.Linear(4, 3)
    z, _ = described(net, lambda: F.cross_entropy(net(X).softmax(1).clamp(min=1e-8), Y))
    assert z.activation in (None, "softmax")  # either way it is seen that the loss receives probabilities


def test_real_targets() -> None:
    net, t = nn.Linear(4, 1), torch.randn(30, 1) * 4 + 2
    z, targets = described(net, lambda: F.mse_loss(net(X), t))
    assert (z.task, z.classes) == ("real", 1)
    assert targets.mean == pytest.approx(t.mean().item())
    assert targets.std**2 == pytest.approx(targets.constant_cost)
    assert targets.constant_cost == pytest.approx((t - t.mean()).square().mean().item())
    assert (targets.min, targets.max) == (t.min().item(), t.max().item())
    assert targets.entropy is None


def test_each_of_several_outputs_has_its_own_best_constant() -> None:
    net, t = nn.Linear(4, 2), torch.randn(30, 2) * torch.tensor([300.0, 1.0]) + torch.tensor([1e5, 0.0])
    targets = described(net, lambda: F.mse_loss(net(X[:30]), t))[1]
    assert targets.constant_cost == pytest.approx(t.var(0, correction=0).mean().item())
    assert targets.largest_rms == pytest.approx(1e5, rel=1e-2)


def test_one_real_number() -> None:
    net = nn.Linear(4, 1)
    z, targets = described(net, lambda: F.mse_loss(net(X[0]).squeeze(), torch.tensor(2.0)))
    assert z.shape == () and z.spread == 0.0
    assert targets.std == 0.0 and targets.mean == 2.0


def test_binary_targets() -> None:
    net, t = nn.Linear(4, 1), (X[:, :1] > 0.5).float()
    z, targets = described(net, lambda: F.binary_cross_entropy(torch.sigmoid(net(X)), t))
    assert (z.task, z.activation) == ("binary", "sigmoid")
    assert targets.mean == pytest.approx(t.mean().item())


def test_ignored_targets_are_not_a_class() -> None:
    net, t = nn.Linear(4, 3), torch.tensor([0, 0, 1, -100] * 5)
    targets = described(net, lambda: F.cross_entropy(net(X[:20]), t))[1]
    assert (targets.classes_seen, targets.min) == (2, 0)
    assert targets.entropy == pytest.approx(-(2 / 3 * log(2 / 3) + 1 / 3 * log(1 / 3)))


def test_soft_targets_have_the_entropy_of_their_mean() -> None:
    net, t = nn.Linear(4, 3), torch.tensor([[0.8, 0.2, 0.0], [0.4, 0.6, 0.0]])
    targets = described(net, lambda: F.cross_entropy(net(X[:2]), t))[1]
    assert targets.entropy == pytest.approx(-(0.6 * log(0.6) + 0.4 * log(0.4)))


def test_targets_are_described_again_only_when_there_are_more() -> None:
    net = nn.Linear(4, 3)
    training = Training(net, [lambda: F.cross_entropy(net(X), Y)] * 2)
    first = training.snapshot(monitor=(), recording=training.monitor[0])
    assert seen_at(first).fact(facts.Targets)
    assert seen_at(first).fact(facts.Targets) is None
    assert seen_at(training.snapshot()).fact(facts.Targets)


def test_scores_that_are_not_finite() -> None:
    net = nn.Linear(4, 3)
    training = Training(net, [lambda: F.cross_entropy(net(X), Y)])
    with torch.no_grad():
        net.bias[0] = float("inf")
    z = seen_at(training.snapshot()).fact(facts.LossInput)
    assert z.max == float("inf")
    with torch.no_grad():
        net.bias.fill_(float("nan"))
    assert isnan(seen_at(training.snapshot()).fact(facts.LossInput).max)


@pytest.mark.parametrize(
    "loss, says",
    [
        (lambda net: net(X).square().mean(), "the targets are unknown"),
        (lambda net: F.cross_entropy(net(X), Y) + F.mse_loss(net(X), X[:, :3]), "calls several loss functions"),
        (lambda net: F.kl_div(net(X).log_softmax(1), torch.rand(30, 3)), "the targets are unknown"),
    ],
)
def test_an_unknown_task_is_unavailable(loss, says) -> None:
    net = nn.Linear(4, 3)
    training = Training(net, [lambda: loss(net)])
    assert loss_call(training.monitor[0]) is None
    with pytest.raises(Unavailable, match=says):
        list(loss_input(training.snapshot()))


def test_a_metric_is_not_taken_for_the_loss() -> None:
    net = nn.Linear(4, 3)

    def step() -> Tensor:
        out = net(X)
        print(F.mse_loss(out.detach(), X[:, :3]))
        with torch.no_grad():
            F.cross_entropy(net(X + 1), Y)
        return F.cross_entropy(out, Y)

    assert described(net, step)[0].function == "cross_entropy"


@pytest.mark.parametrize("tags", [1, 2, 4])
def test_the_floor_of_outputs_that_sum_to_one(tags: int) -> None:
    targets = torch.zeros(30, 8)
    for row in targets:
        row[torch.randperm(8)[:tags]] = 1
    net = nn.Linear(4, 8)
    seen = described(net, lambda: F.binary_cross_entropy(net(torch.randn(30, 4)).softmax(1), targets))[1]
    best = F.binary_cross_entropy(targets / tags, targets)  # of the logarithms of what is to be 1 alone, a bound
    assert seen.simplex_floor == pytest.approx(tags * log(tags) / 8, abs=1e-6)
    assert seen.simplex_floor <= float(best) + 1e-6


def test_soft_targets_that_sum_to_one_have_no_floor() -> None:
    net, targets = nn.Linear(4, 8), torch.full((30, 8), 0.1 / 7)
    targets[:, 2] = 0.9
    seen = described(net, lambda: F.binary_cross_entropy(net(torch.randn(30, 4)).softmax(1), targets))[1]
    assert seen.simplex_floor == 0


@pytest.mark.parametrize("loss, constants", [(F.mse_loss, 3), (F.binary_cross_entropy_with_logits, 1)])
def test_each_real_output_has_its_own_constant_but_binary_outputs_share_one(loss, constants) -> None:
    net, t = nn.Linear(4, 3), torch.rand(len(X), 3).round()
    training = Training(net, [lambda: loss(net(X), t)])
    assert seen_at(training.snapshot()).fact(facts.Targets).constants == constants
