"""Which call reorders the examples of a batch along axis 0 while their targets keep their order."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept, located
from torch import Tensor, nn

from descend.doctor.instrumentation.tape_control import ANYTHING
from descend.doctor.measure.moved_examples import moved_examples
from descend.doctor.measure.snapshot import Unavailable
from descend.doctor.record import facts

torch.manual_seed(0)
ALL, LABELS = torch.randn(60, 4, 5), torch.arange(60) % 3
ROWS = torch.randperm(60)[:20]
X, Y = ALL[:20].clone(), LABELS[:20].clone()
Augment = Callable[[Tensor], Tensor]


def found(inputs: Augment, targets: Augment = lambda y: y, layer: Augment | None = None) -> facts.MovedExamples | None:
    net = nn.Linear(20, 3)

    def loss() -> Tensor:
        values = inputs(X) if layer is None else layer(inputs(X))
        return F.cross_entropy(net(values.reshape(len(values), -1)), targets(Y))

    training = Training(net, [loss], origin=located, interesting=ANYTHING)
    return kept(moved_examples(training.snapshot())).fact(facts.MovedExamples)


@pytest.mark.parametrize(
    ("augment", "function", "axes"),
    [
        (lambda x: torch.roll(x, (1, 2), dims=(0, 1)), "roll", (0, 1)),
        (lambda x: torch.roll(x, (1, 2), (0, 2)) * 2, "roll", (0, 2)),
        (lambda x: x.roll(3, 0), "roll", (0,)),
        (lambda x: x.flip(0), "flip", (0,)),
        (lambda x: torch.flip(x.clamp_min(0), dims=[-3]), "flip", (-3,)),
        (lambda x: x[torch.randperm(20)].flip(0, 2), "flip", (0, 2)),
    ],
)
def test_a_call_along_the_batch_is_named_with_its_axes(augment, function, axes):
    moved = found(augment)
    assert (moved.function, moved.axes, moved.dimensions) == (function, axes, 3) and moved.line > 0


@pytest.mark.parametrize(
    ("inputs", "targets"),
    [
        (lambda x: torch.roll(x, (1, 2), dims=(1, 2)), lambda y: y),
        (lambda x: x.flip(1).flip(2), lambda y: y),
        (lambda x: x.roll(0, 0), lambda y: y),
        (lambda x: x.roll(2, 0), lambda y: y.roll(2, 0)),  # pairs stay pairs
        (lambda x: x.flip(0).flip(0), lambda y: y),
        (lambda x: ALL[ROWS], lambda y: LABELS[ROWS]),
        (lambda x: 0.7 * x + 0.3 * x.flip(0), lambda y: y),  # mixup: a row is made of two examples
    ],
)
def test_calls_that_keep_examples_with_their_targets_are_not_reported(inputs, targets):
    assert found(inputs, targets) is None


def test_targets_computed_from_the_inputs_may_be_shifted_on_purpose():
    net = nn.Linear(5, 5)
    training = Training(net, [lambda: F.mse_loss(net(X[:, 0]), X[:, 0].roll(-1, 0))], origin=located)
    assert kept(moved_examples(training.snapshot())).fact(facts.MovedExamples) is None


def test_a_layer_for_sequences_may_take_the_time_along_axis_0():
    recurrent = nn.GRU(5, 5)
    with pytest.raises(Unavailable):
        found(lambda x: x.flip(0), layer=lambda x: recurrent(x)[0])
