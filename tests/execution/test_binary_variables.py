"""Binary labels among the variables of a step."""

import sys
from types import SimpleNamespace

import torch

from descend.doctor.instrumentation.binary_variables import find_binary_variables
from descend.doctor.record import Record, facts


def found(**values: object) -> dict[str, tuple[int, int]]:
    frame = SimpleNamespace(f_locals=values)
    record = Record()
    record.extend(find_binary_variables(frame, 0))
    return {name: (pair.low, pair.high) for name, pair in record.every(facts.TwoValued).items()}


def test_variables_with_two_values_are_found():
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


def test_only_variables_of_the_current_frame_are_searched():
    labels = torch.tensor([1, 0])
    [fact] = find_binary_variables(sys._getframe(), 3)
    assert (fact.place, fact.step) == ("labels", 3) and len(labels) == 2
    assert list(find_binary_variables(None, 0)) == []
