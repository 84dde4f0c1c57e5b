import pytest
import torch
import torch.nn.functional as F
from moments import Step, Training, kept
from torch import nn

from descend.doctor.measure.batch import LISTED, batch
from descend.doctor.record import facts

torch.manual_seed(0)
X, T, Y = torch.randn(12, 4), torch.randn(12, 1) * 3 + 5, torch.tensor([0] * 6 + [1] * 4 + [2] * 2)
scores, real = nn.Linear(4, 3), nn.Linear(4, 1)


def taken(step: Step) -> facts.Batch | None:
    """Return the facts of the step's own batch, which differs from the fixed examples."""
    own = Training(scores, [step], step=7)
    monitor = Training(scores, [lambda: F.cross_entropy(scores(X), Y)]).monitor
    return kept(batch(own.snapshot(recording=own.monitor[0], monitor=monitor))).fact(facts.Batch)


def test_labels_of_a_batch_are_counted() -> None:
    assert taken(lambda: F.cross_entropy(scores(X[:8]), Y[:8])) == facts.Batch(8, labels={"0": 6, "1": 2})


def test_labels_of_a_loss_by_hand_and_of_two_classes() -> None:
    found = taken(lambda: -scores(X).log_softmax(1)[range(12), Y].mean())
    assert found.labels == {"0": 6, "1": 4, "2": 2}
    yes = (Y[:, None] == 0).float()
    found = taken(lambda: F.binary_cross_entropy_with_logits(real(X), yes))
    assert found.labels == {"0": 6, "1": 6}


def test_mean_and_deviation_of_real_targets() -> None:
    found = taken(lambda: F.mse_loss(real(X), T))
    assert found.mean == pytest.approx(T.mean().item()) and not found.labels
    assert found.std == pytest.approx(T.std(correction=0).item())


def test_the_number_of_listed_classes_is_limited() -> None:
    wide = nn.Linear(4, 3 * LISTED)
    labels = torch.arange(2 * LISTED)
    found = taken(lambda: F.cross_entropy(wide(torch.randn(2 * LISTED, 4)), labels))
    assert found.examples == 2 * LISTED and len(found.labels) == LISTED


def test_no_batch_fact_without_a_recording_or_targets() -> None:
    training = Training(scores, [lambda: F.cross_entropy(scores(X), Y)])
    assert not list(batch(training.snapshot()))  # the fixed examples are no later batch
    assert taken(lambda: scores(X).square().mean()) is None
