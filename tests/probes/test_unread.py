"""Why it is not known which output belongs to which target: the reason that holds for the program at hand."""

import pytest
import torch
import torch.nn.functional as F
from moments import Training
from torch import nn

from descend.doctor.probes import Unavailable
from descend.doctor.probes.answers import answers
from descend.doctor.probes.mixed_reductions import mixed_reductions
from descend.doctor.probes.mixing import mixing
from descend.doctor.probes.pairing import pairing
from descend.doctor.probes.signal import signal

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
        (pairing, critic, of_two_calls, "several calls of loss functions"),
        (signal, critic, of_two_calls, "several calls of loss functions"),
        (answers, reader, element_by_element, "several calls of loss functions"),
        (mixing, reader, element_by_element, "several calls of loss functions"),
        (signal, reader, all_elements, "first dimension is not the number of targets"),
        (answers, reader, all_elements, "first dimension is not the number of targets"),
        (mixing, reader, all_elements, "first dimension is not the number of outputs"),
        (signal, reader, time_first, "first dimension is not the number of targets"),
        (answers, reader, time_first, "first dimension is not the number of targets"),
        (answers, reader, lambda: F.cross_entropy(of_a_text().mT, NEXT), "one example has several targets"),
        (answers, critic, of_two_rows, "fewer than 4 examples"),
        (pairing, critic, lambda: critic(REAL).exp().mean(), "does not show its targets"),
    ],
)
def test_the_reason_is_the_one_that_holds(probe, net, loss, says):
    training = Training(net, [loss])
    with pytest.raises(Unavailable, match=says):
        list(probe(training.snapshot(recording=training.monitor[0])))


def test_whether_a_sum_is_added_to_a_mean_is_not_known_of_several_calls():
    with pytest.raises(Unavailable, match="several calls of loss functions"):
        list(mixed_reductions(Training(critic, [of_two_calls]).snapshot()))
