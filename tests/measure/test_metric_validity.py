"""Whether an evaluation's metric distinguishes right outputs from wrong ones."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from descend.doctor.instrumentation.tape_control import ANYTHING
from descend.doctor.measure.metric_validity import metric_validity
from descend.doctor.record import Fact, facts
from descend.doctor.tape import Tape
from tests.measure.moments import kept, located, record

torch.manual_seed(0)
X, CLASSES, REAL = torch.randn(60, 3), torch.arange(60) % 4, torch.randn(60, 4)
RARE = (torch.arange(60) == 7).long()
SIGNS = (torch.arange(60) % 2).float()
PLACES = torch.randint(3, (60, 3))


def measured(net, loss, measure):
    """Return the fact and the edits that an evaluation gives."""
    trained = record(lambda: loss(net(X)), located, ANYTHING)
    tape = Tape(ANYTHING, located)
    with torch.no_grad():
        tape.start()
        measure(net(X))
        tape.pause()
    evaluation = tape.finalise_last()
    ops = tuple(replace(op, state=replace(op.state, grad=True)) for op in evaluation.ops)
    found = list(metric_validity(replace(evaluation, ops=ops), trained, 0, "0", lambda *site: None))
    assert all(isinstance(fact, Fact) for fact in found)
    seen = kept(found)
    own = next(iter(seen.every(facts.MetricComputation).values()), None)
    return own, list(seen.every(facts.OnMeasured).values())


def classify(says):
    return F.cross_entropy(says, CLASSES)


def regress(says):
    return F.mse_loss(says, REAL)


def answer_yes(says):
    return F.binary_cross_entropy_with_logits(says.squeeze(1), SIGNS)


def sets_apart(says):
    """The distance between the means of outputs and targets: it ignores the pairing, but right outputs are best."""
    return (says.mean(0) - REAL.mean(0)).norm()


def totals(says):
    """Collect the loss, the right predictions and the examples in one tensor, as for a sum over processes."""
    sums = torch.zeros(3)
    sums[0] += F.cross_entropy(says, CLASSES, reduction="sum")
    sums[1] += (says.argmax(1) == CLASSES).sum()
    sums[2] += len(CLASSES)
    return sums


NETS = {classify: nn.Linear(3, 4), regress: nn.Linear(3, 4), answer_yes: nn.Linear(3, 1)}
GOOD = [
    (classify, lambda says: (says.argmax(1) == CLASSES).float().mean(), 1.0),
    (classify, totals, 60.0),  # the right predictions: the number of examples does not depend on the outputs
    (classify, lambda says: (says.softmax(1).argmax(1) != CLASSES).sum(), 0.0),
    (regress, lambda says: (says - REAL).abs().mean(), 0.0),
    (regress, lambda says: 1 - ((says - REAL) ** 2).sum() / ((REAL - REAL.mean(0)) ** 2).sum(), 1.0),
    (regress, sets_apart, 0.0),
    (answer_yes, lambda says: ((says.squeeze(1) > 0) == (SIGNS > 0.5)).float().mean(), 1.0),
]


@pytest.mark.parametrize(("loss", "measure", "right"), GOOD)
def test_a_metric_that_distinguishes_right_outputs(loss, measure, right):
    fact, edits = measured(NETS[loss], loss, measure)
    assert fact.is_told_apart and fact.right == pytest.approx(right, abs=1e-4) and not edits


def rare(says):
    return F.cross_entropy(says, RARE)


NETS[rare] = nn.Linear(3, 2)


def test_right_outputs_are_best_for_a_rare_class():
    fact, _ = measured(NETS[rare], rare, lambda says: (says.argmax(1) == RARE).float().mean())
    assert fact.is_told_apart and fact.given_to_others > 0.9


@pytest.mark.parametrize("number", [40, 60])
def test_targets_of_selected_examples_belong_to_the_outputs(number):
    net, targets, chosen = nn.Linear(3, 1), torch.rand(60, 1), torch.randperm(60)[:number]
    fact, edits = measured(
        net, lambda says: F.mse_loss(says, targets), lambda _: F.mse_loss(net(X[chosen]), targets[chosen])
    )
    assert fact.is_told_apart and fact.right == pytest.approx(0, abs=1e-6) and not edits


def test_few_examples_give_no_fact():
    trained = nn.Linear(3, 4)
    fact, _ = measured(trained, lambda says: F.cross_entropy(says[:8], CLASSES[:8]), lambda says: says.sum())
    assert fact is None


BLIND = [
    (classify, lambda says: (says.max(1).values == CLASSES).float().mean()),  # the values for the places
    (classify, lambda says: (says.argmax(1) == CLASSES.argmax()).float().mean()),
    (regress, lambda says: F.mse_loss(says, REAL * 0)),
    (answer_yes, lambda says: ((says.sigmoid().squeeze(1) > 2) == (SIGNS > 0.5)).float().mean()),
]


@pytest.mark.parametrize(("loss", "measure"), BLIND)
def test_a_metric_that_does_not_distinguish_right_outputs(loss, measure):
    fact, _ = measured(NETS[loss], loss, measure)
    assert not fact.is_told_apart


def test_edits_that_repair_the_metric_are_found():
    _, edits = measured(NETS[regress], regress, lambda says: F.mse_loss(says, REAL * 0))
    assert [call.edit for call in edits] == ["skip"]
    fact, edits = measured(
        nn.Sequential(nn.Unflatten(1, (3, 1)), nn.Linear(1, 3)),  # three places of three classes each
        lambda says: F.cross_entropy(says.flatten(0, 1), PLACES.flatten()),
        lambda says: (says.argmax(1) == PLACES).float().mean(),
    )
    assert not fact.is_told_apart
    assert [(call.edit, call.keyword, call.value) for call in edits] == [("set", "dim", 2)]


@pytest.mark.parametrize(
    "measure",
    [
        lambda says: says.square().mean(),  # of no target
        lambda says: says.argmax(1),  # of no number
        lambda says: (says.argmax(1) == CLASSES).float().mean() + (CLASSES.roll(1) == says.argmax(1)).float().mean(),
    ],
)
def test_no_fact_without_exactly_one_target(measure):
    fact, _ = measured(NETS[classify], classify, measure)
    assert fact is None or fact.is_told_apart


class Channels(nn.Module):
    """Gives outputs of shape (examples, steps, channels) from layers that work on (examples, channels, steps)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 8), nn.Linear(3, 8)

    def forward(self, x):
        return (self.first(x) + self.second(x)).view(-1, 2, 4).permute(0, 2, 1)


def test_outputs_in_another_order_than_the_targets_are_not_scored():
    wanted = torch.randn(60, 4, 2)
    found, _ = measured(Channels(), lambda says: F.mse_loss(says, wanted), lambda says: F.mse_loss(says, wanted))
    assert found is None
