"""Whether outputs and targets correlate on examples that the training has not seen before."""

import pytest
import torch
import torch.nn.functional as F
from moments import Training, kept, record
from torch import Tensor, nn

from descend.doctor.measure.planted_targets import SIZE, planted_targets
from descend.doctor.measure.target_covariance import score, target_covariance
from descend.doctor.record import facts

BATCH = 32


def covariance_fact(depends: bool, again: bool = False, batches: int = 12) -> facts.OutputTargetCovariance:
    """Return the fact for a network that has learned the first column, with dependent or independent targets."""
    torch.manual_seed(0)
    net = nn.Linear(5, 1)
    with torch.no_grad():
        net.weight.copy_(torch.eye(5)[:1])

    def batch() -> tuple[Tensor, Tensor]:
        x = torch.randn(BATCH, 5)
        return x, (0.5 * x[:, :1] if depends else 0) + torch.randn(BATCH, 1)

    first = batch()
    training = Training(net, [lambda: F.mse_loss(net(first[0]), first[1])])
    list(target_covariance(training.snapshot(recording=training.monitor[0])))
    for _ in range(batches):
        x, t = first if again else batch()
        found = kept(target_covariance(training.snapshot(recording=record(lambda x=x, t=t: F.mse_loss(net(x), t)))))
    return found.fact(facts.OutputTargetCovariance)


def test_dependent_targets_give_a_large_score() -> None:
    found = covariance_fact(depends=True)
    assert found.examples == 12 * BATCH and found.again == 0
    assert found.standard_errors > 5


def test_independent_targets_give_a_small_score() -> None:
    assert abs(covariance_fact(depends=False).standard_errors) < 3


def test_repeated_examples_are_counted() -> None:
    assert covariance_fact(depends=True, again=True, batches=2).again == 2 * BATCH


def test_the_score_of_independent_rows_is_standard_normal() -> None:
    torch.manual_seed(0)
    scores = [score(torch.randn(40, 2).double(), torch.randn(40, 2).double()) for _ in range(400)]
    spread = torch.tensor(scores)
    assert abs(float(spread.mean())) < 0.2 and 0.85 < float(spread.std()) < 1.15


@pytest.mark.parametrize("classes", [2, 10])
def test_planted_labels_explain_the_stated_share_of_the_loss(classes: int) -> None:
    torch.manual_seed(0)
    labels, outputs = torch.randint(classes, (40000, 1)), torch.randn(40000, 1).double()
    copy = next(planted_targets(outputs, labels, True, 1))
    groups = [copy[part, 0] for part in outputs[:, 0].argsort().chunk(classes)]
    costs = []
    for group in groups:
        shares = torch.bincount(group, minlength=classes).double() / len(group)
        costs.append(float(-torch.xlogy(shares, shares).sum()))
    whole = torch.tensor(float(classes)).log()
    # the output's sign is drawn again, so groups may be of the other end: their entropy is the same
    assert sum(costs) / classes / float(whole) == pytest.approx(1 - SIZE, abs=0.03)


def test_planted_numbers_explain_the_stated_share_of_the_variance() -> None:
    torch.manual_seed(0)
    outputs = torch.randn(20000, 2).double()
    copy = next(planted_targets(outputs, torch.randn(20000, 2).double(), False, 1))
    explained = torch.corrcoef(torch.stack([outputs[:, 0], copy[:, 0]]))[0, 1] ** 2
    assert float(explained) == pytest.approx(SIZE, abs=0.03)
