from typing import Any

import pytest
import torch
import torch.nn.functional as F
from moments import Step, Training, kept, located
from torch import Tensor, nn

from descend.doctor.measure import Unavailable
from descend.doctor.measure.connections import connections
from descend.doctor.record import facts

torch.manual_seed(0)
X, T, Y = torch.randn(20, 4), torch.randn(20, 1), torch.randint(3, (20,))


def fact(training: Training, **changes: Any) -> facts.Connections:
    return kept(connections(training.snapshot(**changes))).fact(facts.Connections)


def seen(step: Step, *parts: nn.Module) -> facts.Connections:
    return fact(Training(nn.ModuleList(parts), [step]))


# -- which parameters learn


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 30), nn.ReLU(), nn.Linear(30, 40), nn.ReLU(), nn.Linear(40, 3))


def test_all_parameters_of_a_healthy_network_learn() -> None:
    net = network()
    found = fact(Training(net, [lambda: F.cross_entropy(net(X), Y)]))
    assert found.used == found.held == sum(p.numel() for p in net.parameters())
    assert found.matrices == 3 and found.unregistered == 0
    assert (found.untrained_count, found.frozen_count, found.cut_count) == (0, 0, 0)
    assert (found.slope, found.share, found.broadcast) == (1.0, 1.0, None)


def test_parameters_that_no_optimizer_holds() -> None:
    net = network()
    held = {id(p) for p in net[4].parameters()}
    training = Training(net, [lambda: F.cross_entropy(net(X), Y)])
    found = fact(training, is_held=lambda p: id(p) in held)
    assert found.untrained == ("0.weight", "0.bias", "2.weight", "2.bias")
    assert (found.untrained_count, found.untrained_share_fresh) == (4, 1.0)
    assert not found.output_untrained and fact(training, is_held=lambda p: id(p) not in held).output_untrained
    assert found.untrained_numel == 4 * 30 + 30 + 30 * 40 + 40
    assert found.held == 40 * 3 + 3


def test_a_network_that_compares_outputs_and_targets_has_no_output_layer() -> None:
    net, judge = network(), nn.Linear(3, 5)
    held = {id(p) for p in net.parameters()}
    both = nn.Sequential(net, judge)
    targets = F.one_hot(Y, 3).float()
    training = Training(both, [lambda: F.mse_loss(judge(net(X)), judge(targets))])
    found = fact(training, is_held=lambda p: id(p) in held)
    assert found.untrained_count == 2 and not found.output_untrained


def test_a_frozen_copy_that_follows_a_trained_network_is_not_counted_as_frozen() -> None:
    net, target, other = network(), network(), nn.Linear(4, 3).requires_grad_(False)
    target.requires_grad_(False)
    with torch.no_grad():
        for p in target.parameters():
            p.mul_(0.9)
    both = nn.ModuleList([net, target, other])
    found = fact(Training(both, [lambda: F.mse_loss(net(X), target(X) + other(X))]))
    assert found.frozen == ("2.weight", "2.bias")


def test_trained_frozen_parameters_are_distinguished_from_fresh_ones() -> None:
    net = network()
    net[0].requires_grad_(False)
    net[2].requires_grad_(False)
    with torch.no_grad():
        net[2].weight.mul_(3)  # as if it came from a checkpoint
    training = Training(net, [lambda: F.cross_entropy(net(X), Y)])
    found = fact(training)
    assert found.frozen == ("0.weight", "0.bias", "2.weight", "2.bias")
    assert found.frozen_share_fresh == 0.5
    assert found.untrained_count == found.cut_count == 0


def test_parameters_upstream_of_a_detach_are_reported_with_its_line() -> None:
    net = network()

    def step() -> Tensor:
        code = net[:2](X)
        return F.cross_entropy(net[2:](code.detach()), Y)

    training = Training(net, [step], origin=located)
    found = fact(training)
    assert found.cut == ("0.weight", "0.bias") and found.cut_share_fresh == 1.0
    site, name = training.noted["detach", "0"]
    assert name == "detach" and site is not None
    assert (site.file, site.line) == (__file__, step.__code__.co_firstlineno + 2)


def test_parameters_used_without_gradients_are_cut() -> None:
    net = network()

    def step() -> Tensor:
        with torch.no_grad():
            code = net[:2](X)
        return F.cross_entropy(net[2:](code), Y)

    training = Training(net, [step])
    assert fact(training).cut == ("0.weight", "0.bias")
    assert ("detach", "0") not in training.noted


def test_a_detached_value_next_to_the_path_detaches_no_parameter() -> None:
    net = network()

    def step() -> Tensor:
        scores = net(X)
        return F.cross_entropy(scores - scores.detach().amax(1, keepdim=True), Y)

    assert fact(Training(net, [step])).cut_count == 0


def test_layers_in_a_plain_list_are_not_registered() -> None:
    layers = [nn.Linear(4, 20), nn.Linear(20, 3)]
    head = nn.Linear(3, 3)
    training = Training(head, [lambda: F.cross_entropy(head(layers[1](layers[0](X).relu())), Y)])
    held = {id(p) for p in head.parameters()}
    found = fact(training, is_held=lambda p: id(p) in held)
    assert found.unregistered == 4
    assert found.untrained == ("(unregistered)",) * 4


# -- which way the loss leads

scores, real = nn.Linear(4, 3), nn.Linear(4, 1)
LEADS = {
    "a cost": (lambda: F.cross_entropy(scores(X), Y), 1.0),
    "a cost times a factor": (lambda: 0.1 * F.mse_loss(real(X), T), 1.0),
    "a negated cost": (lambda: -F.cross_entropy(scores(X), Y), -1.0),
    "a negated sum": (lambda: -F.mse_loss(real(X), T, reduction="none").sum(), -1.0),
    "one less the cost": (lambda: 1 - F.cross_entropy(scores(X), Y), -1.0),
    "nll": (lambda: F.nll_loss(scores(X).log_softmax(1), Y), 1.0),
    "nll, negated": (lambda: -F.nll_loss(scores(X).log_softmax(1), Y), -1.0),
    "log-likelihood, minimised": (lambda: scores(X).log_softmax(1)[range(20), Y].mean(), -1.0),
    "log-likelihood, maximised": (lambda: -scores(X).log_softmax(1)[range(20), Y].mean(), 1.0),
    "gathered log-likelihood, minimised": (lambda: scores(X).log_softmax(1).gather(1, Y[:, None]).sum(), -1.0),
    "a policy's gradient": (lambda: -(scores(X).log_softmax(1)[range(20), Y] * T[:, 0]).mean(), 0.0),
    "a policy's gradient, losses": (lambda: (scores(X).log_softmax(1)[range(20), Y] * T[:, 0].abs()).mean(), 0.0),
    "squares by hand": (lambda: ((real(X) - T) ** 2).mean(), 1.0),
    "divergence": (lambda: F.kl_div(scores(X).log_softmax(1), torch.full((20, 3), 1 / 3)), 0.0),
}


@pytest.mark.filterwarnings("ignore:reduction")
@pytest.mark.parametrize("loss", LEADS)
def test_the_sign_of_the_slope_along_the_loss_call(loss: str) -> None:
    step, slope = LEADS[loss]
    assert seen(step, scores, real).slope == slope


def test_negated_squares_by_hand_reward_errors() -> None:
    assert seen(lambda: -((real(X) - T) ** 2).mean(), real).slope == -1.0


# -- how much of it is penalty


def test_the_share_of_a_penalty() -> None:
    penalty = scores.weight.square().sum().item()
    cost = F.cross_entropy(scores(X), Y).item()
    found = seen(lambda: F.cross_entropy(scores(X), Y) + 3 * scores.weight.square().sum(), scores)
    assert found.share == pytest.approx(cost / (cost + 3 * penalty), rel=1e-4)


@pytest.mark.xfail(strict=True, reason="of a loss written by hand no share is taken")
def test_the_share_of_a_penalty_on_a_loss_by_hand() -> None:
    found = seen(lambda: ((real(X) - T) ** 2).mean() + 100 * real.weight.square().sum(), real)
    assert found.share < 0.5


def test_a_summed_loss_has_a_penalty_share_of_zero() -> None:
    assert seen(lambda: F.mse_loss(real(X), T, reduction="none").sum(), real).share == pytest.approx(1.0)


# -- operands that broadcast by mistake

FLAT = T[:, 0]


def held_fixed() -> Tensor:
    """The outputs of a network that is not trained in this step, such as a target network."""
    with torch.no_grad():
        return FLAT + 0.9 * real(X).squeeze(1)


MIXED = {
    "what a network says": (lambda: (real(X) - held_fixed()).square().mean(), (20, 1), (20,), "right", True),
    "named": (lambda: F.mse_loss(real(X), FLAT), (20, 1), (20,), "right", False),
    "named, flat prediction": (lambda: F.l1_loss(real(X).squeeze(), T), (20,), (20, 1), "right", False),
    "by hand": (lambda: ((real(X) - FLAT) ** 2).mean(), (20, 1), (20,), "right", True),
    "a product": (lambda: ((1 - T) * real(X).squeeze(1).exp()).mean(), (20,), (20, 1), "left", True),
    "no loss call": (lambda: ((real(X) - FLAT).abs() * FLAT.abs()).mean(), (20, 1), (20,), "right", True),
}


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("loss", MIXED)
def test_a_broadcast_pairs_every_prediction_with_every_target(loss: str) -> None:
    step, prediction, target, operand, by_hand = MIXED[loss]
    found = seen(step, real).broadcast
    assert found == facts.Broadcast(prediction, target, (20, 20), operand, by_hand)


def test_the_shapes_where_the_target_is_on_the_left() -> None:
    found = seen(lambda: ((FLAT - real(X)) ** 2).mean(), real).broadcast
    assert (found.prediction, found.target, found.operand) == ((20, 1), (20,), "left")


WIDE = nn.Linear(4, 7)
MEANT = {
    "a table of features": lambda: (torch.randn(7, 1) * WIDE(X).mean(0)).square().mean(),
    "weights of one shape": lambda: (T * real(X).exp()).mean(),
    "same shapes": lambda: ((real(X) - T) ** 2).mean(),
    "one target for all": lambda: F.mse_loss(scores(X), torch.ones(3)),
    "one example": lambda: ((real(X[:1]) - FLAT[:1]) ** 2).mean(),
    "a column for each output": lambda: ((scores(X) - T) ** 2).mean(),
    "classes": lambda: F.cross_entropy(scores(X), Y),
}


@pytest.mark.filterwarnings("ignore:Using a target size")
@pytest.mark.parametrize("loss", MEANT)
def test_intended_broadcasts_are_not_reported(loss: str) -> None:
    assert seen(MEANT[loss], scores, real).broadcast is None


def each_with_each(values: Tensor) -> Tensor:
    return values - values.detach().squeeze(1)


PAIRS = {
    "ranks": lambda: F.softplus(real(X).squeeze(1)[None] - real(X).squeeze(1)[:, None]).mean(),
    "one of them held fixed": lambda: each_with_each(real(X)).square().mean(),
    "distances": lambda: (scores(X)[None] - scores(X)[:, None]).square().sum(-1).mean(),
}


@pytest.mark.parametrize("loss", PAIRS)
def test_pairwise_comparison_of_predictions_is_not_reported(loss: str) -> None:
    assert seen(PAIRS[loss], scores, real).broadcast is None


def test_the_lines_of_the_difference_and_of_the_sum() -> None:
    def step() -> Tensor:
        error = real(X) - FLAT
        return error.square().sum()

    training = Training(real, [step], origin=located)
    fact(training)
    line = step.__code__.co_firstlineno
    sites = {key: (site.line, name) for key, (site, name) in training.noted.items() if site is not None}
    assert sites == {("difference", "0"): (line + 1, "sub"), ("reduction", "0"): (line + 2, "sum")}


def test_only_the_sum_of_a_loss_by_hand_is_noted() -> None:
    training = Training(scores, [lambda: F.cross_entropy(scores(X), Y) + scores.weight.square().sum()], origin=located)
    fact(training)
    assert set(training.noted) == {("penalty", "0")}


def test_changed_data_are_unavailable() -> None:
    x, net = torch.randn(1100, 1000), nn.Linear(1000, 1)
    training = Training(net, [lambda: net(x).square().mean()])
    x.zero_()
    with pytest.raises(Unavailable, match="changed its data"):
        fact(training)
