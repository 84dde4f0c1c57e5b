"""The weights of the classes in a loss, and where the ignored targets are."""

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept
from torch import nn

from descend.doctor.measure import Unavailable
from descend.doctor.measure.class_weights import class_weights
from descend.doctor.record import Record, facts

X = torch.randn(60, 4, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0] * 40 + [1] * 15 + [2] * 5)
WEIGHTS = torch.tensor([1.0, 2.0, 4.0])


def measured(loss, outputs: int = 3) -> Record:
    torch.manual_seed(2)
    net = nn.Linear(4, outputs)
    halves = [lambda: loss(net(X[::2]), Y[::2]), lambda: loss(net(X[1::2]), Y[1::2])]
    return kept(class_weights(Training(net, halves).snapshot()))


@pytest.mark.parametrize(
    "loss",
    [
        lambda z, y: F.cross_entropy(z, y, WEIGHTS),
        lambda z, y: F.nll_loss(z.log_softmax(1), y, weight=WEIGHTS),
        nn.CrossEntropyLoss(weight=WEIGHTS),
    ],
)
def test_the_weights_and_the_targets_of_all_batches_are_counted(loss):
    assert measured(loss).fact(facts.ClassWeights, "loss") == facts.ClassWeights("weight", (1, 2, 4), (40, 15, 5))


def test_the_weight_of_positive_targets_is_compared_with_one():
    loss = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(0.5))
    found = measured(lambda z, y: loss(z.squeeze(1), (y == 2).float()), outputs=1).fact(facts.ClassWeights, "loss")
    assert found == facts.ClassWeights("pos_weight", (1, 0.5), (55, 5))


def test_a_loss_without_weights_of_classes_has_none():
    soft = F.one_hot(Y, 3).float()
    several = nn.BCEWithLogitsLoss(pos_weight=WEIGHTS)
    for loss in (
        lambda z, y: F.cross_entropy(z, y),
        lambda z, y: F.cross_entropy(z, soft[: len(z)], weight=WEIGHTS),
        lambda z, y: several(z, soft[: len(z)]),
        lambda z, y: F.mse_loss(z[:, 0], y.float()),
    ):
        assert not measured(loss).facts
    with pytest.raises(Unavailable):
        measured(lambda z, y: z.logsumexp(1).mean())


def test_ignored_targets_in_a_row_are_counted():
    found = measured(lambda z, y: F.cross_entropy(z, y, ignore_index=1)).fact(facts.IgnoredClass, "loss")
    assert found == facts.IgnoredClass(1, ignored=15, targets=60, following=13)
    assert not measured(lambda z, y: F.cross_entropy(z, y, ignore_index=-100)).facts
