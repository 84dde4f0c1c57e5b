"""An example may have several labels: then each is told by itself, and no distribution is."""

import pytest
from records import change, healthy

from descend.doctor.canon import CANON
from descend.doctor.canon.prescribe import prescribe
from descend.doctor.record import Record, facts


def several_labels(**targets: float) -> Record:
    record = healthy()
    change(record, facts.Targets, **{"own_entropy": 0.0, "min": 0.0, "max": 1.0, "row_sum_max": 4.0} | targets)
    return record


@pytest.mark.parametrize(
    ("targets", "are_told_apart"),
    [
        ({}, True),
        ({"own_entropy": 0.4}, False),
        ({"max": 0.5}, False),
        ({"row_sum_max": 1.0, "row_sum_min": 0.0}, False),
    ],
)
def test_each_label_gets_a_loss_of_its_own(targets, are_told_apart):
    record = several_labels(**targets)
    symptom = CANON["labels_wrong"].look(record)
    assert symptom is not None
    told = [prescription.label for prescription in prescribe(record, [symptom])]
    assert told == ["binary_cross_entropy_with_logits instead of the loss"] * are_told_apart
