"""The minimum of the loss after each call: known floors, blocking calls, and unbounded losses."""

from collections.abc import Callable
from math import log

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept, located
from torch import Tensor, nn

from descend.doctor.instrumentation.tape_control import ANYTHING
from descend.doctor.measure import Unavailable
from descend.doctor.measure.reachability import reachability
from descend.doctor.record import facts

torch.manual_seed(0)
EXAMPLES, INPUTS, CLASSES = 64, 8, 4
X, Y = torch.randn(EXAMPLES, INPUTS), torch.arange(EXAMPLES) % CLASSES
T = torch.randn(EXAMPLES, 3)
B = (torch.arange(EXAMPLES) % 2).float().reshape(-1, 1)


class Net(nn.Module):
    """Two layers with a function between them."""

    def __init__(self, outputs: int, function: Callable[[Tensor], Tensor] = torch.relu) -> None:
        super().__init__()
        self.inner, self.outer, self.function = nn.Linear(INPUTS, 16), nn.Linear(16, outputs), function

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.function(self.inner(x)))


class Seen:
    """The facts of a network and its loss."""

    def __init__(self, net: nn.Module, loss: Callable[[], Tensor], batches: int = 1) -> None:
        training = Training(net, [loss] * batches, origin=located, interesting=ANYTHING)
        found = kept(reachability(training.snapshot(is_last=True)))
        floors = found.every(facts.Floor).values()
        self.whole = found.fact(facts.Reachability)
        self.floors = [(each.function, each.floor) for each in floors]
        self.output = next((each.floor for each in floors if each.is_output), None)
        self.crossing = found.fact(facts.Crossing, "0")
        assert {kind for kind, _ in training.noted} >= {"output"}


@pytest.fixture(autouse=True)
def seeded():
    """Use the same initial weights, whichever tests ran before."""
    torch.manual_seed(0)


HEADS = {  # the loss of the outputs, their number, the floor that the head leaves, a constant's, the call
    "softmax twice": (
        lambda z: F.cross_entropy(z.softmax(1), Y), CLASSES, log(1 + (CLASSES - 1) / torch.e), log(CLASSES), "softmax"
    ),
    "sigmoid twice": (
        lambda z: F.binary_cross_entropy_with_logits(z.sigmoid(), B), 1, (log(1 + 1 / torch.e) + log(2)) / 2, log(2),
        "sigmoid",
    ),
    "rectified": (
        lambda z: F.mse_loss(z.relu(), -T.abs()), 3, float(T.square().mean()), float(T.square().mean()), "relu"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
def test_a_head_of_known_floor(name):
    loss, outputs, floor, constant, function = HEADS[name]
    net = Net(outputs)
    with torch.no_grad():
        net.outer.bias.abs_()
    seen = Seen(net, lambda: loss(net(X)))
    assert seen.output == pytest.approx(floor, abs=0.02)
    assert seen.whole.constant == pytest.approx(constant, abs=0.02) and not seen.whole.unbounded
    assert seen.crossing.in_head and seen.crossing.function == function and seen.crossing.edit == "skip"
    assert seen.crossing.before == pytest.approx(floor, abs=0.02) and seen.crossing.after < 0.01


def test_a_loss_that_is_not_defined_everywhere():
    """A cross-entropy is defined only for probabilities, so its minimum is searched among these."""
    net = Net(1)
    seen = Seen(net, lambda: F.binary_cross_entropy(net(X).sigmoid().sigmoid(), B))
    behind = dict(seen.floors)
    assert seen.output == pytest.approx((log(1 + 1 / torch.e) + log(2)) / 2, abs=0.02)
    assert seen.crossing.function == "sigmoid" and behind["sigmoid"] < 0.01


def test_transposed_values_are_free_too():
    net = Net(CLASSES * 5)
    seen = Seen(
        net, lambda: F.cross_entropy(net(X).view(EXAMPLES, 5, CLASSES).transpose(1, 2), Y[:, None].repeat(1, 5))
    )
    assert seen.output < 0.01


@pytest.mark.slow
@pytest.mark.parametrize("batches", [1, 3])
def test_the_blocking_call_is_found(batches):
    """A sign function passes no gradient; one number per example does not block if the next layer can adapt."""
    for function, barring in ((torch.sign, "sign"), (lambda h: F.relu(h - 9), "relu"), (torch.relu, None)):
        net = Net(CLASSES, function)
        seen = Seen(net, lambda net=net: F.cross_entropy(net(X), Y), batches)
        assert (seen.crossing and seen.crossing.function) == barring
        assert barring is None or not seen.crossing.in_head and not seen.crossing.has_parameters


def test_a_network_too_large_for_the_search_keeps_the_floor_of_its_output(monkeypatch):
    net = Net(CLASSES, torch.sign)
    whole = Seen(net, lambda: F.cross_entropy(net(X), Y))
    monkeypatch.setattr("descend.doctor.measure.floors.floors.MOST_COMPUTED", EXAMPLES)
    cut_short = Seen(net, lambda: F.cross_entropy(net(X), Y))
    assert whole.crossing is not None and cut_short.crossing is None
    assert cut_short.output == whole.output and cut_short.whole == whole.whole


def test_floors_fall_from_the_input_on():
    net = Net(CLASSES, torch.sign)
    floors = [value for _, value in Seen(net, lambda: F.cross_entropy(net(X), Y)).floors]
    assert len(floors) > 2 and floors == sorted(floors, reverse=True)


@pytest.mark.parametrize(("rank", "is_barred"), [(1, True), (7, False)])
def test_a_bottleneck_of_known_rank(rank, is_barred):
    """After a code of this size, a linear decoder reaches at best the projection on its columns."""
    net = nn.Sequential(nn.Linear(INPUTS, rank), nn.Linear(rank, INPUTS))
    seen = Seen(net, lambda: F.mse_loss(net(X), X))
    basis, _ = torch.linalg.qr(net[1].weight.detach())
    rest = X - net[1].bias.detach()
    floor = float((rest - rest @ basis @ basis.T).square().mean())
    assert (seen.crossing is not None) is is_barred
    if is_barred:
        assert seen.crossing.before == pytest.approx(floor, rel=0.01) and seen.crossing.has_parameters
        assert seen.crossing.edit == ""


def gaussian(sign: float) -> Callable[[], Tensor]:
    net = Net(6)

    def loss() -> Tensor:
        mean, log_variance = net(X).chunk(2, 1)
        return ((T - mean).square() * torch.exp(-log_variance)).mean() + sign * log_variance.mean()

    return net, loss


def test_a_likelihood_that_is_unbounded_below():
    assert Seen(*gaussian(-1.0)).whole.unbounded and not Seen(*gaussian(1.0)).whole.unbounded


@pytest.mark.parametrize("function", [F.cross_entropy, lambda z, y: z.gather(1, y[:, None]).mean()])
def test_a_negated_loss_is_unbounded(function):
    net = Net(CLASSES)
    seen = Seen(net, lambda: -function(net(X), Y))
    assert seen.whole.unbounded and seen.whole.is_compared and seen.floors == []


def test_a_policy_loss_is_unbounded():
    """A loss is not reported either if the network draws its own targets."""
    net, advantage = Net(CLASSES), torch.randn(EXAMPLES)
    chosen = torch.arange(EXAMPLES) % CLASSES
    seen = Seen(net, lambda: -(net(X).log_softmax(1)[range(EXAMPLES), chosen] * advantage).mean())
    assert seen.whole.unbounded


class Variational(nn.Module):
    """An encoder, a code with noise, a decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(INPUTS, 8), nn.Linear(4, INPUTS)

    def forward(self, x: Tensor) -> Tensor:
        mean, log_variance = self.encoder(x).chunk(2, 1)
        code = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
        divergence = (log_variance.exp() + mean.square() - 1 - log_variance).sum(1).mean() / 2
        return (self.decoder(code) - x).square().sum(1).mean() + divergence


def adversary() -> tuple[nn.Module, Callable[[], Tensor]]:
    net, made = Net(1), torch.randn(EXAMPLES, INPUTS)
    real, false = torch.ones(EXAMPLES, 1), torch.zeros(EXAMPLES, 1)
    loss = F.binary_cross_entropy_with_logits
    return net, lambda: loss(net(X), real) + loss(net(made), false)


def triplet() -> tuple[nn.Module, Callable[[], Tensor]]:
    net = Net(CLASSES)
    return net, lambda: F.triplet_margin_loss(*net(X[:60]).chunk(3))


def contrast() -> tuple[nn.Module, Callable[[], Tensor]]:
    net = Net(CLASSES)
    pairs = X + 0.1 * torch.randn(EXAMPLES, INPUTS)
    scores = lambda: F.normalize(net(X), dim=1) @ F.normalize(net(pairs), dim=1).T / 0.1  # noqa: E731
    return net, lambda: F.cross_entropy(scores(), torch.arange(EXAMPLES))


def variational() -> tuple[nn.Module, Callable[[], Tensor]]:
    net = Variational()
    return net, lambda: net(X)


@pytest.mark.slow
@pytest.mark.parametrize("build", [variational, adversary, triplet, contrast, lambda: gaussian(1.0)])
def test_other_losses_are_not_reported(build):
    seen = Seen(*build())
    assert not seen.whole.unbounded and seen.crossing is None


@pytest.mark.parametrize("of_cost", [True, False])
def test_steps_that_increase_a_loss_increase_a_cost_or_a_gain(of_cost):
    """A negative log-likelihood has a minimum and no maximum; a log-likelihood has a maximum and no minimum."""
    net, cost = gaussian(1.0)
    training = Training(net, [cost if of_cost else lambda: -cost()], origin=located, interesting=ANYTHING)
    found = kept(reachability(training.snapshot(is_last=True, climbs=True)))
    assert found.fact(facts.IncreasingLoss).of_cost is of_cost
    assert not found.fact(facts.Reachability).unbounded  # the quantity that should be small is bounded below


def test_a_network_without_weights_has_no_output():
    net = nn.Module()
    net.offset = nn.Parameter(torch.zeros(3))
    with pytest.raises(Unavailable):
        Seen(net, lambda: net.offset.square().sum())
