"""Which call of a step does not treat the examples of a batch alike."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept, located
from torch import Tensor, nn

from descend.doctor.instrumentation.tape_control import ANYTHING
from descend.doctor.measure.equivariance import equivariance
from descend.doctor.measure.equivariance.positions import permute, positions_of
from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.record import facts

torch.manual_seed(0)
N, T, D = 12, 7, 6
ALL, LABELS = torch.randn(60, T, D), torch.arange(60) % 3
ROWS = torch.randperm(60)[:N]
X, Y = ALL[:N].clone(), LABELS[:N].clone()
Change = Callable[[Tensor], Tensor]


def found(loss: Callable[[nn.Module], Tensor], net: nn.Module | None = None) -> facts.OrderDependence | None:
    net = net or nn.Linear(T * D, 3)
    training = Training(net, [lambda: loss(net)], origin=located, interesting=ANYTHING)
    return kept(equivariance(training.snapshot())).fact(facts.OrderDependence)


class Network(nn.Module):
    """Classifies sequences (N, T, D) after a change of its hidden states (N, T, D)."""

    def __init__(self, change: Callable[["Network", Tensor], Tensor]) -> None:
        super().__init__()
        self.change, self.embed, self.head = change, nn.Linear(D, D), nn.Linear(D, 3)
        self.first, self.later = nn.LSTM(D, D, batch_first=True), nn.LSTM(D, D)
        self.norm, self.table = nn.BatchNorm1d(3), nn.Parameter(torch.randn(60, D))

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.head(self.change(self, self.embed(x))))


def of_network(change: Callable[[Network, Tensor], Tensor]) -> facts.OrderDependence | None:
    return found(lambda net: F.cross_entropy(net(X), Y), Network(change))


def test_an_index_for_each_example_that_is_applied_to_all_examples_is_reported():
    net, spread = nn.Linear(T * D, 3), nn.Linear(T * D, 3)
    wrong = found(lambda net: -net(X.flatten(1)).log_softmax(1)[:, Y].mean(), net)
    assert (wrong.by, wrong.function, wrong.shape, wrong.result) == ("pairs", "getitem", (N, 3), (N, N))
    assert found(lambda net: -net(X.flatten(1)).log_softmax(1)[torch.arange(N), Y].mean(), net) is None
    # All pairs of examples are compared on purpose.
    assert found(lambda net: F.cross_entropy(net(X.flatten(1)) @ spread(X.flatten(1)).T, torch.arange(N)), net) is None


WRONG: dict[str, tuple[Callable[[Network, Tensor], Tensor], str, str]] = {
    "an LSTM that takes the batch for time": (lambda n, h: n.later(h)[0][:, -1], "recurrence", "lstm"),
    "a view in place of a transpose": (lambda n, h: n.later(h.view(T, N, D))[0][-1], "reshape", "view"),
    "a flip along the batch": (lambda n, h: (h + h.flip(0))[:, -1], "reorder", "flip"),
    "positions of the batch": (lambda n, h: (h + n.table[:N, None])[:, 0], "positions", "add"),
    "a choice along the batch": (lambda n, h: h[:, 0].gather(0, Y[:, None].expand(N, D)), "gather", "gather"),
    "steps counted as the batch": (
        lambda n, h: h.reshape(T, N, 2, 3).transpose(0, 1)[:, 0].flatten(1),
        "reshape",
        "reshape",
    ),
    "states of both directions": (lambda n, h: torch.stack((h[:, 0, :3], h[:, 1, :3])).view(N, D), "reshape", "view"),
}
RIGHT: dict[str, Callable[[Network, Tensor], Tensor]] = {
    "batch first": lambda n, h: n.first(h)[0][:, -1],
    "time first": lambda n, h: n.later(h.transpose(0, 1))[0][-1],
    "heads folded into the batch": lambda n, h: (
        h.view(N, T, 2, 3).transpose(1, 2).reshape(2 * N, T, 3).view(N, 2, T, 3)[:, :, 0].flatten(1)
    ),
    "a flip of the sequence": lambda n, h: h.flip(1)[:, -1],
    "all steps as rows": lambda n, h: h.reshape(N * T, D).relu().view(N, T, D).mean(1),
    "attention over the batch": lambda n, h: (h[:, 0] @ h[:, 0].T).softmax(1) @ h[:, 0],
    "standardised over the batch": lambda n, h: ((h - h.mean(0)) / h.std(0))[:, 0],
    "positions of the sequence": lambda n, h: (h + n.table[:T]).mean(1),
    "examples in the order of their first feature": lambda n, h: h[h[:, 0, 0].argsort()][
        h[:, 0, 0].argsort().argsort(), 0
    ],
    "noise": lambda n, h: (h + torch.randn_like(h))[:, 0],
    "two halves": lambda n, h: torch.cat([part * 2 for part in h.chunk(2)])[:, 0],
}


@pytest.mark.parametrize("name", WRONG)
def test_the_first_call_that_mixes_up_the_examples_is_named(name):
    change, by, function = WRONG[name]
    dependence = of_network(change)
    assert (dependence.by, dependence.function.strip("_"), dependence.in_network) == (by, function, True)
    assert dependence.examples == N


@pytest.mark.parametrize("name", RIGHT)
def test_calls_that_treat_the_examples_alike_are_not_reported(name):
    assert outcome(lambda: of_network(RIGHT[name])) is None


def outcome(find: Callable[[], Any]) -> Any:
    """Return what is found; None if the examples cannot be followed."""
    try:
        return find()
    except Unavailable:
        return None


@pytest.mark.parametrize(
    ("augment", "function", "axes"),
    [
        (lambda x: torch.roll(x, (1, 2), dims=(0, 1)), "roll", (0, 1)),
        (lambda x: torch.roll(x, (1, 2), (0, 2)) * 2, "roll", (0, 2)),
        (lambda x: x.roll(3, 0), "roll", (0,)),
        (lambda x: x.flip(0), "flip", (0,)),
        (lambda x: torch.flip(x.clamp_min(0), dims=[-3]), "flip", (-3,)),
        (lambda x: x[torch.randperm(N)].flip(0, 2), "flip", (0, 2)),
        (lambda x: 0.7 * x + 0.3 * x.flip(0), "flip", (0,)),
    ],
)
def test_a_call_that_moves_only_the_inputs_is_named_with_its_axes(augment, function, axes):
    moved = found(lambda net: F.cross_entropy(net(augment(X).flatten(1)), Y))
    assert (moved.by, moved.function, moved.axes, moved.in_network) == ("reorder", function, axes, False)
    assert moved.line > 0 and moved.shape == (N, T, D)


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (lambda x: torch.roll(x, (1, 2), dims=(1, 2)), lambda y: y),
        (lambda x: x.flip(1).flip(2), lambda y: y),
        (lambda x: ALL[ROWS], lambda y: LABELS[ROWS]),
        (lambda x: ALL[10:22], lambda y: LABELS[10:22]),
        (lambda x: torch.stack([ALL[i] for i in ROWS]), lambda y: torch.stack([LABELS[i] for i in ROWS])),
        (lambda x: torch.cat([x, x.flip(1)]), lambda y: y.repeat(2)),
    ],
)
def test_examples_that_keep_their_targets_are_not_reported(inputs, targets):
    assert found(lambda net: F.cross_entropy(net(inputs(X).flatten(1)), targets(Y))) is None


def test_mixup_with_the_same_permutation_is_not_reported():
    def loss(net: nn.Module) -> Tensor:
        other = torch.randperm(N)
        logits = net((0.7 * X + 0.3 * X[other]).flatten(1))
        return 0.7 * F.cross_entropy(logits, Y) + 0.3 * F.cross_entropy(logits, Y[other])

    assert found(loss) is None


def test_a_contrastive_loss_over_all_pairs_is_not_reported():
    def loss(net: nn.Module) -> Tensor:
        one, other = net(X.flatten(1)), net((X * 1.1).flatten(1))
        return F.cross_entropy(one @ other.T, torch.arange(N))

    assert found(loss) is None


def test_targets_flattened_in_another_order_than_the_outputs_are_reported():
    labels = torch.randint(3, (N, T))
    net = nn.Linear(D, 3)
    wrong = found(lambda net: F.cross_entropy(net(X).flatten(0, 1), labels.T.reshape(-1)), net)
    assert (wrong.by, wrong.function, wrong.order) == ("pairing", "cross_entropy", (1, 0, 2))
    assert found(lambda net: F.cross_entropy(net(X).flatten(0, 1), labels.reshape(-1)), net) is None


def test_the_nodes_of_a_graph_follow_its_edges():
    edges, nodes = torch.randint(N, (2, 40)), X[:, 0].clone()

    def loss(net: nn.Module) -> Tensor:
        received = torch.zeros(N, D).index_add(0, edges[1], nodes[edges[0]])
        return F.cross_entropy(net(nodes + received), Y)

    assert found(loss, nn.Linear(D, 3)) is None


def test_a_dense_adjacency_matrix_is_permuted_along_both_axes():
    adjacency = (torch.rand(N, N) < 0.3).float()
    assert found(lambda net: F.cross_entropy(adjacency @ net(X[:, 0]), Y), nn.Linear(D, 3)) is None


def test_data_with_time_first_are_recognised_by_their_targets():
    x, hidden = torch.randn(T, N, D), (torch.zeros(1, N, D), torch.zeros(1, N, D))
    rnn, head = nn.LSTM(D, D), nn.Linear(D, 3)
    net = nn.ModuleList([rnn, head])
    assert found(lambda net: F.cross_entropy(head(rnn(x, hidden)[0][-1]), Y), net) is None


def test_windows_of_several_series_with_time_first_are_recognised():
    series = torch.randn(90, 5)
    rnn, head = nn.LSTM(1, D), nn.Linear(D, 1)
    net = nn.ModuleList([rnn, head])

    def loss(net: nn.Module) -> Tensor:
        return F.mse_loss(head(rnn(series[:T].unsqueeze(-1))[0]).squeeze(-1), series[1 : T + 1])

    assert found(loss, net) is None


def test_data_that_the_model_stores_are_examples():
    class Stored(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inputs, self.weight = X[:, 0].clone(), nn.Parameter(torch.randn(D, 3))

        def forward(self) -> Tensor:
            return self.inputs @ self.weight

    assert found(lambda net: F.cross_entropy(net(), Y), Stored()) is None


def test_an_order_of_axes_before_the_reshape_is_suggested():
    of_view = of_network(lambda n, h: n.later(h.view(T, N, D))[0][-1])
    assert of_view.order == (1, 0, 2)
    pair = of_network(lambda n, h: torch.stack((h[:, 0, :3], h[:, 1, :3])).view(N, D))
    assert (pair.shape, pair.result, pair.order) == ((2, N, 3), (N, D), (1, 0, 2))


def test_after_the_reshape_the_examples_may_be_a_factor_of_an_axis():
    tags = Y[:, None].repeat(1, T)
    classes_first = found(lambda net: F.cross_entropy(net(X).reshape(3, -1).t(), tags.reshape(-1)), nn.Linear(D, 3))
    assert (classes_first.by, classes_first.result, classes_first.order) == ("reshape", (3, N * T), (2, 0, 1))


def test_a_small_batch_cannot_be_checked():
    with pytest.raises(Unavailable):
        found(lambda net: F.cross_entropy(net(X[:3].flatten(1).clone()), Y[:3].clone()))


@pytest.mark.parametrize(
    ("shape", "position"),
    [
        ((5, 3), ((0, 1),)),
        ((3, 5), ((1, 1),)),
        ((2, 15), ((1, 1),)),
        ((30, 2), ((0, 3),)),
        ((5, 4, 5), ((0, 1), (2, 1))),
    ],
)
def test_a_position_is_recovered_from_the_permuted_tensor(shape, position):
    order = torch.tensor([3, 0, 4, 1, 2])
    tensor = torch.randn(shape, dtype=torch.float64)
    assert positions_of(tensor, permute(tensor, position, order), order, 0.0) == {position}
    assert positions_of(tensor, tensor, order, 0.0) == {()}
    assert not positions_of(tensor, torch.randn(shape, dtype=torch.float64), order, 0.0)
