"""Does a run fail? By its loss and the numbers that the script prints, and not by what says nothing of either."""

from math import nan

import pytest
from records import STEPS, change, healthy, observe, rising, set_cost, set_series, stuck
from sick_metric import printing

from descend.doctor.canon import CANON
from descend.doctor.course.suffering import may_be_poor, suffers
from descend.doctor.record import Reading, facts


def test_a_failing_run_is_known_by_its_loss_or_its_metric():
    assert not suffers(healthy()) and suffers(printing())
    for make in (stuck, lambda record: set_cost(record, rising)):
        make(record := healthy())
        assert suffers(record)
    assert suffers(printing(values=(0.45,)))  # the training examples are learnt, and it has not come half of the way
    assert not suffers(printing(values=(0.6,)))


@pytest.mark.parametrize(("number", "values", "fails"), [(1, (0.1,), False), (1, (0.1, 0.1), True), (2, (0.1,), True)])
def test_a_value_printed_once_between_two_stages_may_be_of_either(number, values, fails):
    observe(record := printing(values=values), facts.Stage(optimizer=number - 1, number=number, of=2, first_loss=2.3))
    assert suffers(record) is fails


def test_in_a_run_of_several_stages_too():
    record = printing(values=(0.1,))
    observe(record, facts.Optimizer("SGD", groups=1, parameters=10, after={"0": STEPS}), "1")
    assert suffers(record)
    for step in range(20):
        record.add(Reading("loss", "1", step, 1.0))
    assert not suffers(record)


@pytest.mark.parametrize("accuracy, is_poor", [(0.8, True), (0.85, False)])  # a fifth of what is missing at 0.1
def test_what_the_scripts_own_number_knows_to_be_learnt_no_noise_of_the_targets_denies(accuracy, is_poor):
    record = printing(values=(accuracy,), untrained=0.1)
    stuck(record)
    assert suffers(record) is is_poor
    set_series(record, "loss", "0", [nan] * 200)
    assert suffers(record)  # what diverges does so whatever is printed


@pytest.mark.parametrize(
    ("values", "is_told", "may_be"), [((0.8,), True, False), ((0.8,), False, True), ((0.95,), False, False)]
)
def test_what_no_loss_can_tell_may_be_poor(values, is_told, may_be):
    record = printing(values=values)
    if not is_told:
        observe(record, facts.SelfSampledLoss("multinomial"))
    assert may_be_poor(record) == may_be
    fresh = {"frozen": ("0.weight",), "frozen_count": 1, "frozen_share_fresh": 1.0, "frozen_numel": 9}
    change(record, facts.Connections, **fresh)
    assert (CANON["frozen_or_detached"].look(record) is not None) == may_be


@pytest.mark.parametrize(("last", "fails"), [(-0.1, False), (0.5, True)])
def test_a_rise_that_is_over_is_no_failure_where_the_loss_does_not_measure_the_task(last, fails):
    record = healthy()
    set_series(record, "loss", "0", [0.1, *[5.0] * 20, *[last] * 179])
    assert suffers(record)
    observe(record, facts.SelfSampledLoss("multinomial"))
    assert suffers(record) is fails
