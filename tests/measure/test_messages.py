"""The reason why outputs and targets cannot be matched, for different programs."""

import pytest
import torch
import torch.nn.functional as F
from moments import Training
from torch import nn

from descend.doctor.measure import Unavailable
from descend.doctor.measure.independence import independence
from descend.doctor.measure.mixed_reductions import mixed_reductions
from descend.doctor.measure.mixing import mixing
from descend.doctor.measure.pairing import pairing
from descend.doctor.measure.target_covariance import target_covariance

torch.manual_seed(0)
LETTERS, BATCH, LENGTH = 7, 16, 5
REAL, ONES, ZEROS = torch.randn(80, 4), torch.ones(80, 1), torch.zeros(80, 1)
TEXT, NEXT = torch.randint(LETTERS, (BATCH, LENGTH)), torch.randint(LETTERS, (BATCH, LENGTH))
NAMES, COUNTRIES = torch.randn(LENGTH, 1 + LENGTH, LETTERS), torch.randint(LETTERS, (1 + LENGTH,))
critic, reader = nn.Linear(4, 1), nn.Linear(LETTERS, LETTERS)


def of_two_calls():
    return sum(F.binary_cross_entropy_with_logits(critic(REAL), t) for t in (ONES, ZEROS))


def of_a_text():
    return reader(F.one_hot(TEXT, LETTERS).float())


def element_by_element():
    return sum(F.cross_entropy(of_a_text()[:, i], NEXT[:, i]) for i in range(LENGTH))


def all_elements():
    return F.cross_entropy(of_a_text().view(-1, LETTERS), NEXT.view(-1))


def time_first():
    return F.cross_entropy(reader(NAMES)[-1], COUNTRIES)


def of_two_rows():
    return F.mse_loss(critic(REAL[:2]), ONES[:2])


@pytest.mark.parametrize(
    ("probe", "net", "loss", "says"),
    [
        (pairing, critic, of_two_calls, "calls several loss functions"),
        (independence, critic, of_two_calls, "calls several loss functions"),
        (target_covariance, reader, element_by_element, "calls several loss functions"),
        (mixing, reader, element_by_element, "calls several loss functions"),
        (independence, reader, all_elements, "do not have one row for each of the targets"),
        (target_covariance, reader, all_elements, "do not have one row for each of the targets"),
        (mixing, reader, all_elements, "do not have one row for each of the outputs"),
        (independence, reader, time_first, "do not have one row for each of the targets"),
        (target_covariance, reader, time_first, "do not have one row for each of the targets"),
        (target_covariance, reader, lambda: F.cross_entropy(of_a_text().mT, NEXT), "one example has several targets"),
        (target_covariance, critic, of_two_rows, "fewer than 4 examples"),
        (pairing, critic, lambda: critic(REAL).exp().mean(), "the targets are unknown"),
    ],
)
def test_the_reason_fits_the_program(probe, net, loss, says):
    training = Training(net, [loss])
    with pytest.raises(Unavailable, match=says):
        list(probe(training.snapshot(recording=training.monitor[0])))


def test_mixed_reductions_are_unknown_for_several_loss_calls():
    with pytest.raises(Unavailable, match="calls several loss functions"):
        list(mixed_reductions(Training(critic, [of_two_calls]).snapshot()))
