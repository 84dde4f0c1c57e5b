"""A run that predicts a constant has learned nothing; a logged metric that improves shows the opposite."""

import pytest
from records import STEPS, healthy, stuck

from descend.doctor.assess.constant_predictor import predicts_constant
from descend.doctor.record import Fact, Reading, facts

ACCURACY = facts.MetricName(rises=True, is_share=True, is_loss=False, is_held_out=True)


@pytest.mark.parametrize(("values", "learns"), [((0.10, 0.11), False), ((0.13, 0.53), True), ((0.53,), False)])
def test_an_accuracy_that_rises_shows_learning_although_the_loss_is_still_high(values, learns):
    record = healthy()
    stuck(record)
    assert predicts_constant(record)
    record.add(Fact.of(ACCURACY, 0, "val_acc"))
    for number, value in enumerate(values, 1):
        record.add(Reading("logged_metric", "val_acc", STEPS * number // len(values), value))
    assert predicts_constant(record) == (not learns)
