"""Whether the cost goes down: against a constant prediction where one is known, against the start where not."""

from math import inf, isnan, log, nan

import pytest
from records import CLASSES, STEPS, change, falling_to, forget, healthy, observe, real, rising, set_cost, set_series

from descend.doctor.course.progress import (
    constant_cost,
    cost_left,
    falls,
    first_rise,
    is_stuck,
    loss_left_message,
    smoothed,
    stuck_in_words,
)
from descend.doctor.record import Ending, Reading, Record, facts


def with_losses(*losses: float) -> Record:
    record = healthy()
    set_series(record, "loss", "0", losses)
    return record


@pytest.mark.parametrize(
    "losses, step",
    [
        ([1.0] * 50 + [1.26] * 50, 55),  # the lower median of ten follows with the sixth
        ([1.0] * 50 + [1.24] * 50, None),
        ([1.0] * 50 + [9.0] * 5 + [1.0] * 45, None),
        ([1.0, 9.0] + [1.0] * 98, None),  # the second loss alone is no median
        ([1.0, 9.0, 9.0] + [1.0] * 97, 2),
        ([-1.0] * 50 + [-0.7] * 50, 55),
        ([-1.0] * 50 + [-0.8] * 50, None),
        ([0.0] * 50 + [1e-9] * 50, 55),
        ([1.0, 1.6] * 50, None),
        ([1.0] + [2.1, 2.7] * 50, None),  # neighbours differ by 0.6, and 1.5 times that is noise
        ([1.0] + [2.2, 2.8] * 50, 2),
    ],
)
def test_the_step_at_which_the_cost_has_risen(losses, step):
    assert first_rise(with_losses(*losses), "0") == step


@pytest.mark.parametrize(
    "losses, step",
    [
        ([0.9, 1.25, 1.2, 1.4], None),  # batches of 40 examples may differ by a quarter
        ([2.3, 5.0, 30.0, 200.0], 2),
        ([1.0, 8.0, 2.0, 9.0, 3.0, 8.0, 2.0, 9.0] * 2 + [2.0, 2.1] * 90, None),  # the start has noise of its own
    ],
)
def test_a_rise_is_larger_than_what_batches_differ_by_at_the_start(losses, step):
    assert first_rise(with_losses(*losses), "0") == step


@pytest.mark.parametrize("cost, step", [(2.2, None), (2.4, 2)])
def test_the_losses_of_tiny_batches_rise_where_the_fixed_examples_cost_more_than_a_constant(cost, step):
    record = with_losses(*[0.2] + [6.0, 6.1] * 90)
    change(record, facts.Batch, examples=4)
    curve = [1.0] + [cost] * (len(record.series("monitored_loss")) - 1)
    set_series(record, "monitored_loss", "", curve)
    set_series(record, "yardstick", "negative_log_likelihood", curve)
    assert first_rise(record, "0") == step


def test_a_loss_that_is_lost_has_risen():
    assert 50 <= first_rise(with_losses(*[1.0] * 50, *[nan] * 50), "0") <= 55


@pytest.mark.parametrize("wild, largest", [(5, 1.0), (6, 99.0)])
def test_a_lower_median_over_ten_steps_outlives_five_wild_ones(wild, largest):
    series = smoothed(with_losses(*[1.0] * 20, *[99.0] * wild, *[1.0] * 20).series("loss", "0"))
    assert series.max == largest and len(series) == 40 + wild


def test_what_is_left_is_told_of_the_constant_that_it_is_a_share_of():
    record = healthy()
    set_cost(record, falling_to(0.25))
    assert loss_left_message(record) == "the loss is still 25% of that of the best constant prediction"
    change(record, facts.Targets, entropy=inf, unseen_entropy=inf)
    assert loss_left_message(record) == "the loss is still 25% of the initial loss"
    record = healthy()
    real(record)
    set_cost(record, falling_to(0.25))
    change(record, facts.LossInput, target_shape=(32, 5))
    assert loss_left_message(record) == "the loss is still 25% of that of the best single number for all outputs"
    change(record, facts.Targets, constants=5)  # a mean of each output
    assert loss_left_message(record) == "the loss is still 25% of that of the best constant prediction"


def test_a_stuck_run_is_told_by_what_was_tested():
    record = healthy()
    set_cost(record, falling_to(0.5))
    assert stuck_in_words(record, "0", 0.3) == "the loss is still 50% of that of the best constant prediction"
    set_series(record, "yardstick", "negative_log_likelihood", [])
    assert stuck_in_words(record, "0", 0.3) == "the training loss did not end below 30% of its first value"
    set_series(record, "loss", "0", [1.0, nan])
    assert stuck_in_words(record, "0", 0.3) == "the training loss became infinite or NaN"


def test_what_is_left_of_the_cost():
    record = healthy()
    set_cost(record, falling_to(0.25))
    assert cost_left(record) == pytest.approx(0.25)
    change(record, facts.Targets, entropy=1.15, unseen_entropy=1.15)
    assert cost_left(record) == pytest.approx(0.5)  # of a constant prediction's
    forget(record, facts.Targets)
    assert cost_left(record) == pytest.approx(0.25)  # of the first cost
    set_series(record, "yardstick", "negative_log_likelihood", [2.3, 1.15, nan, 9.0])
    assert cost_left(record) == pytest.approx(0.5)  # what came before it was lost
    for values in ([], [nan], [0.0, 0.0], [-1.0, -2.0]):
        set_series(record, "yardstick", "negative_log_likelihood", values)
        assert isnan(cost_left(record))


def test_how_far_the_cost_has_fallen_lately():
    record = healthy()
    set_cost(record, lambda t: 1.0 if t < 0.7 else 0.4)
    assert falls(record) == pytest.approx(0.6)
    assert falls(record, 0.1) == 0
    set_cost(record, rising)
    assert falls(record) == 0
    assert falls(Record()) == 0


def test_the_fall_of_a_run_that_was_over_before_its_first_examples_were_fixed_is_that_of_its_losses():
    record = Record()
    for step, loss in enumerate((1.1, 1.1, 0.99, 0.88)):
        record.add(Reading("loss", "0", step, loss))
    record.add(Reading("yardstick", "negative_log_likelihood", 4, 0.87))
    record.add(Ending("finished", 0, 4))
    assert falls(record) == pytest.approx(0.1)


@pytest.mark.parametrize("share, sick", [(0.91, True), (0.89, False), (1.5, True)])
def test_a_run_is_stuck_where_a_constant_prediction_costs_as_little(share, sick):
    record = healthy()
    set_cost(record, falling_to(share))
    assert is_stuck(record, "0") == sick
    forget(record, "yardstick")
    assert is_stuck(record, "0") == (share > 0.9)  # of the training loss's start
    assert is_stuck(record, "0", share - 0.05)


def test_a_run_of_which_nothing_is_known_is_not_stuck():
    assert not is_stuck(Record(), "0")


def test_a_run_whose_loss_is_lost_is_stuck():
    record = healthy()
    set_series(record, "loss", "0", [2.3] + [0.1] * (STEPS - 2) + [nan])
    assert is_stuck(record, "0")


def test_what_a_constant_prediction_costs():
    record = healthy()
    real(record, std=3.0)
    assert constant_cost(record) == 9.0
    change(record, facts.Targets, constant_cost=0.0)
    assert constant_cost(record) is None
    record = healthy()
    change(record, facts.Targets, entropy=None, unseen_entropy=None, mean=0.25)
    assert constant_cost(record) == pytest.approx(-(0.25 * log(0.25) + 0.75 * log(0.75)))
    for mean in (0.0, 1.0, 7.0):
        change(record, facts.Targets, mean=mean)
        assert constant_cost(record) is None


def test_squared_errors_of_whole_numbers_are_not_measured_by_an_entropy():
    record = healthy()
    real(record)
    forget(record, facts.Targets)
    observe(record, CLASSES)
    assert constant_cost(record) is None


def test_a_steady_climb_is_no_scatter():
    assert first_rise(with_losses(*[1.1**i for i in range(200)]), "0") < 20
