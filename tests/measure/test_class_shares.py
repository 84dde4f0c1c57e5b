"""The loss of the best constant prediction of classes, estimated from few targets."""

from math import log

import pytest
import torch
from torch import Tensor

from descend.doctor.assess.constant_prediction import constant_cost
from descend.doctor.measure.class_shares import class_shares
from descend.doctor.record import Fact, Reading, Record, facts


def drawn(shares: Tensor, targets: int) -> Tensor:
    """Return the counts of targets that are drawn with the given class frequencies."""
    torch.manual_seed(0)
    return torch.bincount(torch.multinomial(shares, targets, replacement=True), minlength=len(shares)).double()


def estimated_cost(counts: Tensor) -> float | None:
    record = Record()
    record.add(Reading("metric", "negative_log_likelihood", 0, 1.0))
    told = facts.Targets("int64", int(counts.sum()), **class_shares(counts)._asdict())
    record.add(Fact.of(told, 0))
    return constant_cost(record)


KINDS = {
    "ten classes": (torch.ones(10), 256),
    "a hundred classes": (torch.ones(100), 256),
    "few of one": (torch.tensor([0.96, 0.04]), 256),
    "letters": (1 / torch.arange(1.0, 28.0), 900),
}


@pytest.mark.parametrize("kind", KINDS)
def test_unseen_entropy_is_accurate_with_enough_targets(kind: str) -> None:
    shares, targets = KINDS[kind]
    true = shares / shares.sum()
    entropy = float(-(true * true.log()).sum())
    told = estimated_cost(drawn(shares, targets))
    assert told == pytest.approx(entropy, rel=0.05 if entropy > 1 else 0.3)
    fitted = class_shares(drawn(shares, targets))
    assert fitted.entropy < fitted.unseen_entropy


def test_few_targets_of_many_classes_only_bound_the_entropy() -> None:
    """700 targets of 8000 classes: their own frequencies cost a third less than any constant on unseen targets."""
    shares = 1 / torch.arange(1.0, 8540.0)
    true = shares / shares.sum()
    counts = drawn(shares, 700)
    told = class_shares(counts)
    assert told.entropy < 0.85 * float(-(true * true.log()).sum()) < told.unseen_entropy < log(8539) + 0.01
    assert estimated_cost(counts) is None


def test_a_single_target_has_infinite_unseen_entropy() -> None:
    assert estimated_cost(torch.tensor([0.0, 1.0, 0.0])) is None
