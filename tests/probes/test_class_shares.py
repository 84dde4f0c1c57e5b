"""What a constant prediction of classes costs, told from few targets."""

from math import log

import pytest
import torch
from torch import Tensor

from descend.doctor.course.progress import constant_cost
from descend.doctor.probes.class_shares import class_shares
from descend.doctor.record import Fact, Reading, Record, facts


def drawn(shares: Tensor, targets: int) -> Tensor:
    """Counts of targets drawn with those shares."""
    torch.manual_seed(0)
    return torch.bincount(torch.multinomial(shares, targets, replacement=True), minlength=len(shares)).double()


def cost_told(counts: Tensor) -> float | None:
    record = Record()
    record.add(Reading("yardstick", "negative_log_likelihood", 0, 1.0))
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
def test_what_the_best_constant_costs_others_is_known_from_enough(kind: str) -> None:
    shares, targets = KINDS[kind]
    true = shares / shares.sum()
    entropy = float(-(true * true.log()).sum())
    told = cost_told(drawn(shares, targets))
    assert told == pytest.approx(entropy, rel=0.05 if entropy > 1 else 0.3)
    fitted = class_shares(drawn(shares, targets))
    assert fitted.entropy < fitted.unseen_entropy


def test_of_a_vocabulary_s_few_words_it_is_not_known() -> None:
    """Seven hundred words of eight thousand: their own shares cost them a third less than any constant would."""
    shares = 1 / torch.arange(1.0, 8540.0)
    true = shares / shares.sum()
    counts = drawn(shares, 700)
    told = class_shares(counts)
    assert told.entropy < 0.85 * float(-(true * true.log()).sum()) < told.unseen_entropy < log(8539) + 0.01
    assert cost_told(counts) is None


def test_a_single_target_tells_nothing() -> None:
    assert cost_told(torch.tensor([0.0, 1.0, 0.0])) is None
