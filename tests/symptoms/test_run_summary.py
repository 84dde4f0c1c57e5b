"""Whether a run fails, according to its loss and the metrics that the script logs."""

from math import nan

import pytest
from records import STEPS, change, healthy, observe, rising, set_cost, set_series, stuck
from sick_metric import printing

from descend.doctor.assess.summary import summarise
from descend.doctor.catalog.diagnosis import detect
from descend.doctor.record import Reading, facts


def test_a_run_fails_because_of_its_loss_or_its_metric():
    assert not summarise(healthy()).fails() and summarise(printing()).fails()
    for make in (stuck, lambda record: set_cost(record, rising)):
        make(record := healthy())
        assert summarise(record).fails()
    assert summarise(
        printing(values=(0.45,))
    ).fails()  # The training examples are learned, but the metric has covered less than half of the distance.
    assert not summarise(printing(values=(0.6,))).fails()


@pytest.mark.parametrize(("number", "values", "fails"), [(1, (0.1,), False), (1, (0.1, 0.1), True), (2, (0.1,), True)])
def test_a_single_value_between_two_stages_does_not_decide(number, values, fails):
    observe(record := printing(values=values), facts.Stage(optimizer=number - 1, number=number, of=2, first_loss=2.3))
    assert summarise(record).fails() is fails


def test_a_single_value_before_a_second_optimizer_does_not_decide():
    record = printing(values=(0.1,))
    observe(record, facts.Optimizer("SGD", groups=1, parameters=10, after={"0": STEPS}), "1")
    assert summarise(record).fails()
    for step in range(20):
        record.add(Reading("loss", "1", step, 1.0))
    assert not summarise(record).fails()


# A fifth of the distance from 0.1 to 1 is left.
@pytest.mark.parametrize("accuracy, is_poor", [(0.8, True), (0.85, False)])
def test_a_good_metric_overrules_a_loss_near_that_of_a_constant(accuracy, is_poor):
    record = printing(values=(accuracy,), untrained=0.1)
    stuck(record)
    assert summarise(record).fails() is is_poor
    set_series(record, "loss", "0", [nan] * 200)
    assert summarise(record).fails()  # A diverged run fails whatever it logs.


@pytest.mark.parametrize(
    ("values", "is_measured", "may_be"), [((0.8,), True, False), ((0.8,), False, True), ((0.95,), False, False)]
)
def test_a_run_without_a_measuring_loss_may_have_learned_little(values, is_measured, may_be):
    record = printing(values=values)
    if not is_measured:
        observe(record, facts.SelfSampledLoss("multinomial"))
    assert summarise(record).may_have_learned_little() == may_be
    fresh = {"frozen": ("0.weight",), "frozen_count": 1, "frozen_share_fresh": 1.0, "frozen_numel": 9}
    change(record, facts.Connections, **fresh)
    assert (detect("frozen_or_detached", record) is not None) == may_be


@pytest.mark.parametrize(("last", "fails"), [(-0.1, False), (0.5, True)])
def test_a_temporary_rise_is_not_a_failure_if_the_loss_does_not_measure_the_task(last, fails):
    record = healthy()
    set_series(record, "loss", "0", [0.1, *[5.0] * 20, *[last] * 179])
    assert summarise(record).fails()
    observe(record, facts.SelfSampledLoss("multinomial"))
    assert summarise(record).fails() is fails
