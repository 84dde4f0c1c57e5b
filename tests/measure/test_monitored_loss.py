"""The evaluation metric must not depend on how a network represents its prediction."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from moments import Training, readings
from torch import Tensor, nn

from descend.doctor.measure import Unavailable
from descend.doctor.measure.monitored_loss import evaluation_metric, monitored_loss

NLL, SQUARED = ("metric", "negative_log_likelihood"), ("metric", "squared_error")
MEDIAN = ("median_error", "squared_error")
X = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
Y = torch.randint(3, (20,), generator=torch.Generator().manual_seed(1))
Loss = Callable[[Tensor], Tensor]


def net_of(outputs: int) -> nn.Linear:
    torch.manual_seed(2)
    return nn.Linear(4, outputs)


def measured(net: nn.Module, *losses: Callable[[], Tensor]) -> dict[tuple[str, str], float]:
    return readings(list(evaluation_metric(Training(net, losses).snapshot())))


CLASS_LOSSES: dict[str, Loss] = {
    "logits": lambda z: F.cross_entropy(z, Y),
    "log-probabilities": lambda z: F.nll_loss(z.log_softmax(1), Y),
    "log-probabilities, again": lambda z: F.cross_entropy(F.log_softmax(z, 1), Y),
    "log of probabilities": lambda z: F.nll_loss(z.softmax(1).log(), Y),
    "probabilities into cross-entropy": lambda z: F.cross_entropy(z.softmax(1), Y),
    "probabilities into nll": lambda z: F.nll_loss(F.softmax(z, dim=1), Y),
    "probabilities, reshaped": lambda z: F.cross_entropy(z.softmax(1).view(20, 3).contiguous(), Y),
    "weighted": lambda z: F.cross_entropy(z, Y, weight=torch.tensor([1.0, 5.0, 0.1])),
    "summed": lambda z: F.cross_entropy(z, Y, reduction="sum"),
    "scaled": lambda z: 1000 * F.cross_entropy(z, Y),
    "smoothed": lambda z: F.cross_entropy(z, Y, label_smoothing=0.2),
    "one by one": lambda z: F.cross_entropy(z, Y, reduction="none").mean(),
    "by name": lambda z: F.cross_entropy(target=Y, input=z),
    "in a module": lambda z: nn.CrossEntropyLoss()(z, Y),
    "soft targets": lambda z: F.cross_entropy(z, F.one_hot(Y, 3).float()),
}


@pytest.mark.parametrize("name", CLASS_LOSSES)
def test_the_metric_of_classes_does_not_depend_on_their_representation(name: str) -> None:
    net = net_of(3)
    found = measured(net, lambda: CLASS_LOSSES[name](net(X)))
    logp = net(X).double().log_softmax(1)
    assert found[NLL] == pytest.approx(-logp[torch.arange(20), Y].mean().item(), rel=1e-5)
    assert found["accuracy", ""] == pytest.approx((logp.argmax(1) == Y).double().mean().item())


def test_penalties_and_dropout_are_left_out() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 30), nn.Dropout(0.5), nn.BatchNorm1d(30), nn.Linear(30, 3))
    for _ in range(3):
        net(torch.randn(50, 4) * 5)
    training = Training(
        net, [lambda: F.cross_entropy(net(X), Y) + 0.1 * sum(p.square().sum() for p in net.parameters())]
    )
    found = readings(list(evaluation_metric(training.snapshot())))
    with torch.no_grad():
        expected = F.cross_entropy(net.eval()(X), Y).item()
    assert found[NLL] == pytest.approx(expected, rel=1e-5)


def test_batches_are_weighted_by_their_number_of_targets() -> None:
    net = net_of(3)
    found = measured(net, lambda: F.cross_entropy(net(X[:5]), Y[:5]), lambda: F.cross_entropy(net(X[5:]), Y[5:]))
    assert found[NLL] == pytest.approx(F.cross_entropy(net(X), Y).item(), rel=1e-5)


def test_ignored_targets_do_not_count() -> None:
    net, target = net_of(3), Y.clone()
    target[::3] = 2
    for ignore in (-100, 2):
        marked = target.clone()
        marked[::3] = ignore
        found = measured(net, lambda t=marked, i=ignore: F.cross_entropy(net(X), t, ignore_index=i))
        assert found[NLL] == pytest.approx(F.cross_entropy(net(X), marked, ignore_index=ignore).item(), rel=1e-5)
        kept = marked != ignore
        right = (net(X).argmax(1) == marked)[kept].double().mean().item()
        assert found["accuracy", ""] == pytest.approx(right)


def test_every_target_ignored() -> None:
    net = net_of(3)
    with pytest.raises(Unavailable, match="every target"):
        measured(net, lambda: F.cross_entropy(net(X), torch.full((20,), -100)))


@pytest.mark.parametrize("soft", [False, True])
def test_segmentation(soft: bool) -> None:
    torch.manual_seed(0)
    net, x = nn.Conv2d(2, 3, 3, padding=1), torch.randn(4, 2, 5, 6)
    target = torch.randint(3, (4, 5, 6))
    given = torch.rand(4, 3, 5, 6).softmax(1) if soft else target
    found = measured(net, lambda: F.cross_entropy(net(x), given))
    own = -(given * given.log()).sum(1).mean().item() if soft else 0.0  # no prediction can remove the targets' entropy
    assert found[NLL] == pytest.approx(F.cross_entropy(net(x), given).item() - own, rel=1e-4)
    best = given.argmax(1) if soft else target
    assert found["accuracy", ""] == pytest.approx((net(x).argmax(1) == best).double().mean().item())


def test_a_single_example_without_a_batch() -> None:
    net = net_of(3)
    found = measured(net, lambda: F.cross_entropy(net(X[0]), Y[0]))
    assert found[NLL] == pytest.approx(F.cross_entropy(net(X[0]), Y[0]).item(), rel=1e-5)
    found = measured(net, lambda: F.cross_entropy(net(X[0]), torch.tensor([0.2, 0.5, 0.3])))
    shares = torch.tensor([0.2, 0.5, 0.3])
    assert found[NLL] == pytest.approx(F.kl_div(net(X[0]).log_softmax(0), shares, reduction="sum").item(), rel=1e-4)


@pytest.mark.parametrize("logits", [False, True])
def test_pixels_between_black_and_white(logits: bool) -> None:
    net, pixels = net_of(6), torch.rand(20, 6)
    if logits:
        found = measured(net, lambda: F.binary_cross_entropy_with_logits(net(X), pixels))
    else:
        found = measured(net, lambda: F.binary_cross_entropy(net(X).sigmoid(), pixels))
    own = F.binary_cross_entropy(pixels, pixels).item()
    assert found[NLL] == pytest.approx(F.binary_cross_entropy(net(X).sigmoid(), pixels).item() - own, rel=1e-4)


def test_an_autoencoder_has_no_accuracy() -> None:
    """An autoencoder of grey values or bits has no accuracy, because its targets are its inputs."""
    net, bits, x = nn.Linear(6, 6), torch.rand(20, 6).round(), torch.randn(20, 6)
    for inputs in (torch.rand(20, 6), bits):
        found = measured(net, lambda inputs=inputs: F.binary_cross_entropy_with_logits(net(inputs), inputs))
        assert NLL in found and ("accuracy", "") not in found
    found = measured(net, lambda: F.binary_cross_entropy_with_logits(net(x), bits))
    assert found["accuracy", ""] == pytest.approx(((net(x) > 0) == (bits > 0.5)).double().mean().item())


def test_language_modelling() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Embedding(11, 5), nn.Linear(5, 11))
    ids = torch.randint(11, (3, 8))
    found = measured(net, lambda: F.cross_entropy(net(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()))
    expected = F.cross_entropy(net(ids[:, :-1]).transpose(1, 2), ids[:, 1:]).item()
    assert found[NLL] == pytest.approx(expected, rel=1e-5)


def test_a_softmax_over_the_wrong_dimension_counts_as_a_distribution() -> None:
    """The softmax is taken over the batch, so an example's outputs must first be normalised to sum to one."""
    net = net_of(3)
    found = measured(net, lambda: F.cross_entropy(net(X).softmax(0), Y))
    p = net(X).softmax(0)
    p = p / p.sum(1, keepdim=True)
    assert found[NLL] == pytest.approx(-p[torch.arange(20), Y].log().mean().item(), rel=1e-4)


BINARY = (X[:, 0] + 0.3 * X[:, 1] > 0).float()[:, None]
BINARY_LOSSES: dict[str, Loss] = {
    "logits": lambda z: F.binary_cross_entropy_with_logits(z, BINARY),
    "probabilities": lambda z: F.binary_cross_entropy(torch.sigmoid(z), BINARY),
    "weighted": lambda z: F.binary_cross_entropy_with_logits(z, BINARY, pos_weight=torch.tensor([7.0])),
    "flat": lambda z: F.binary_cross_entropy_with_logits(z.squeeze(1), BINARY.squeeze(1)),
}


@pytest.mark.parametrize("name", BINARY_LOSSES)
def test_the_metric_of_binary_targets_does_not_depend_on_their_representation(name: str) -> None:
    net = net_of(1)
    found = measured(net, lambda: BINARY_LOSSES[name](net(X)))
    z = net(X).double()
    expected = F.binary_cross_entropy_with_logits(z, BINARY.double()).item()
    assert found[NLL] == pytest.approx(expected, rel=1e-5)
    assert found["accuracy", ""] == pytest.approx(((z > 0) == (BINARY > 0.5)).double().mean().item())


def test_inputs_of_a_logits_loss_count_as_logits() -> None:
    """With a superfluous sigmoid, outputs that are read as logits never give a probability below one half."""
    net = net_of(1)
    found = measured(net, lambda: F.binary_cross_entropy_with_logits(net(X).sigmoid(), BINARY))
    expected = F.binary_cross_entropy_with_logits(net(X).sigmoid(), BINARY).item()
    assert found[NLL] == pytest.approx(expected, rel=1e-5)
    assert found["accuracy", ""] == pytest.approx(BINARY.mean().item())


def test_confident_mistakes_have_a_finite_large_cost() -> None:
    z = nn.Parameter(torch.tensor([[30.0], [-30.0], [3.0]]))
    net, t = nn.ParameterList([z]), torch.tensor([[0.0], [1.0], [1.0]])
    found = measured(net, lambda: F.binary_cross_entropy_with_logits(z * 1, t))
    assert found[NLL] == pytest.approx((30 + 30 + 0.04858735) / 3, rel=1e-6)
    saturated = measured(net, lambda: F.binary_cross_entropy(torch.sigmoid(2 * z), t))
    assert 20 * 2 / 3 < saturated[NLL] < 60 * 2 / 3  # symmetric, and finite


@pytest.mark.parametrize("loss", [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss])
def test_real_targets_by_the_squared_error(loss) -> None:
    net, t = net_of(2), torch.randn(20, 2)
    found = measured(net, lambda: loss(net(X), t))
    median = (net(X) - t).square().median().item()
    assert found == {SQUARED: pytest.approx(F.mse_loss(net(X), t).item(), rel=1e-5), MEDIAN: pytest.approx(median)}


def test_a_column_against_a_row() -> None:
    """torch broadcasts (N, 1) against (N,) to (N, N) by mistake, but the evaluation metric does not."""
    net, t = net_of(1), torch.randn(20)
    found = measured(net, lambda: F.mse_loss(net(X), t))
    assert found[SQUARED] == pytest.approx(F.mse_loss(net(X).squeeze(1), t).item(), rel=1e-5)


def test_a_target_that_is_broadcast_on_purpose() -> None:
    net, t = net_of(3), torch.randn(20, 1)
    found = measured(net, lambda: F.mse_loss(net(X), t))
    assert found[SQUARED] == pytest.approx((net(X) - t).square().mean().item(), rel=1e-5)


@pytest.mark.parametrize("several", [False, True])
def test_a_loss_of_the_scripts_own(several: bool) -> None:
    net = net_of(3)

    def loss() -> Tensor:
        parts = F.mse_loss(net(X), X[:, :3]) + F.cross_entropy(net(X), Y)
        return parts if several else net(X).abs().mean()

    found = measured(net, loss)
    assert found == {("metric", "loss"): pytest.approx(loss().item(), rel=1e-6)}


def test_the_monitored_loss_is_the_scripts_own() -> None:
    net = net_of(3)
    training = Training(net, [lambda: 5 * F.cross_entropy(net(X), Y), lambda: F.cross_entropy(net(X), Y)])
    found = readings(list(monitored_loss(training.snapshot())))
    assert found["monitored_loss", ""] == pytest.approx(3 * F.cross_entropy(net(X), Y).item(), rel=1e-6)
    assert found[NLL] == pytest.approx(F.cross_entropy(net(X), Y).item(), rel=1e-6)
    with torch.no_grad():
        net.weight.mul_(2)
    now = readings(list(monitored_loss(training.snapshot())))
    assert now[NLL] == pytest.approx(F.cross_entropy(net(X), Y).item(), rel=1e-6)
    assert list(monitored_loss(training.snapshot(monitor=()))) == []


def test_a_loss_that_is_not_finite() -> None:
    net = net_of(3)
    training = Training(net, [lambda: F.cross_entropy(net(X), Y)])
    with torch.no_grad():
        net.weight.fill_(float("nan"))
    found = readings(list(monitored_loss(training.snapshot())))
    assert found[NLL] != found[NLL] and found["monitored_loss", ""] != found["monitored_loss", ""]


def test_bfloat16_scores() -> None:
    net = net_of(3)

    def step() -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return F.cross_entropy(net(X), Y)

    assert measured(net, step)[NLL] == pytest.approx(step().item(), rel=1e-2)
