"""Labels of two values in the variables of a step."""

import sys
from types import SimpleNamespace

import torch

from descend.doctor.observing.two_valued import two_valued
from descend.doctor.record import Record, facts


def found(**values: object) -> dict[str, tuple[int, int]]:
    frame = SimpleNamespace(f_locals=values)
    record = Record()
    record.extend(two_valued(frame, 0))
    return {name: (pair.low, pair.high) for name, pair in record.every(facts.TwoValued).items()}


def test_one_of_two_numbers_for_each_example():
    told = found(
        same=torch.tensor([0.0, 1.0, 1.0]),
        order=torch.tensor([[1], [-1], [1]]),
        counts=torch.tensor([0, 1, 2]),
        ones=torch.ones(5),
        table=torch.eye(3),
        mask=torch.tensor([True, False]),
        pixels=torch.tensor([0, 1], dtype=torch.uint8),
        weight=torch.tensor([0.0, 1.0], requires_grad=True),
        image=[0, 1],
        nothing=torch.zeros(0),
    )
    assert told == {"same": (0, 1), "order": (-1, 1)}


def test_of_the_frame_that_is_running():
    labels = torch.tensor([1, 0])
    [fact] = two_valued(sys._getframe(), 3)
    assert (fact.place, fact.step) == ("labels", 3) and len(labels) == 2
    assert list(two_valued(None, 0)) == []
