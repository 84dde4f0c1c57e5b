"""With several labels per example, each label is predicted separately, and there is no class distribution."""

import pytest
from records import change, healthy

from descend.doctor.catalog.diagnosis import detect
from descend.doctor.catalog.prescribe import prescribe
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
def test_each_label_gets_its_own_loss(targets, are_told_apart):
    record = several_labels(**targets)
    symptom = detect("labels_wrong", record)
    assert symptom is not None
    labels = [prescription.label for prescription in prescribe(record, [symptom])]
    assert labels == ["use binary_cross_entropy_with_logits as the loss"] * are_told_apart
