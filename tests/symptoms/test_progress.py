"""Whether the cost falls: relative to a constant prediction if its cost is known, else relative to the first cost."""

from math import inf, isnan, log, nan

import pytest
from records import CLASSES, STEPS, change, falling_to, forget, healthy, observe, real, rising, set_cost, set_series

from descend.doctor.assess.constant_prediction import constant_cost
from descend.doctor.assess.noise import running_median
from descend.doctor.assess.progress_messages import loss_left_message, not_learned_message
from descend.doctor.assess.summary import summarise
from descend.doctor.record import Ending, Reading, Record, facts


def with_losses(*losses: float) -> Record:
    record = healthy()
    set_series(record, "loss", "0", losses)
    return record


@pytest.mark.parametrize(
    "losses, step",
    [
        ([1.0] * 50 + [1.26] * 50, 55),  # The lower median of ten losses rises with the sixth high one.
        ([1.0] * 50 + [1.24] * 50, None),
        ([1.0] * 50 + [9.0] * 5 + [1.0] * 45, None),
        ([1.0, 9.0] + [1.0] * 98, None),  # A single high loss does not change the median.
        ([1.0, 9.0, 9.0] + [1.0] * 97, 2),
        ([-1.0] * 50 + [-0.7] * 50, 55),
        ([-1.0] * 50 + [-0.8] * 50, None),
        ([0.0] * 50 + [1e-9] * 50, 55),
        ([1.0, 1.6] * 50, None),
        ([1.0] + [2.1, 2.7] * 50, None),  # Neighbouring losses differ by 0.6, and up to 1.5 times that counts as noise.
        ([1.0] + [2.2, 2.8] * 50, 2),
    ],
)
def test_the_first_step_at_which_the_cost_has_risen(losses, step):
    assert summarise(with_losses(*losses)).first_rise("0") == step


@pytest.mark.parametrize(
    "losses, step",
    [
        ([0.9, 1.25, 1.2, 1.4], None),  # Batches of 40 examples may differ by a quarter.
        ([2.3, 5.0, 30.0, 200.0], 2),
        # The noise at the start is estimated separately.
        ([1.0, 8.0, 2.0, 9.0, 3.0, 8.0, 2.0, 9.0] * 2 + [2.0, 2.1] * 90, None),
    ],
)
def test_a_rise_must_exceed_the_differences_between_the_first_batches(losses, step):
    assert summarise(with_losses(*losses)).first_rise("0") == step


@pytest.mark.parametrize("cost, step", [(2.2, None), (2.4, 2)])
def test_losses_of_tiny_batches_rise_only_if_the_fixed_examples_cost_more_than_a_constant(cost, step):
    record = with_losses(*[0.2] + [6.0, 6.1] * 90)
    change(record, facts.Batch, examples=4)
    curve = [1.0] + [cost] * (len(record.series("monitored_loss")) - 1)
    set_series(record, "monitored_loss", "", curve)
    set_series(record, "metric", "negative_log_likelihood", curve)
    assert summarise(record).first_rise("0") == step


def loss_left(record):
    return loss_left_message(summarise(record))


def not_learned(record, key, share):
    return not_learned_message(summarise(record), key, share)


def test_a_loss_that_becomes_nan_has_risen():
    assert 50 <= summarise(with_losses(*[1.0] * 50, *[nan] * 50)).first_rise("0") <= 55


@pytest.mark.parametrize("wild, largest", [(5, 1.0), (6, 99.0)])
def test_five_of_ten_high_losses_do_not_change_the_lower_median(wild, largest):
    series = running_median(with_losses(*[1.0] * 20, *[99.0] * wild, *[1.0] * 20).series("loss", "0"))
    assert series.max == largest and len(series) == 40 + wild


def test_the_message_names_the_constant_prediction():
    record = healthy()
    set_cost(record, falling_to(0.25))
    assert loss_left(record) == "the loss is still 25% of that of the best constant prediction"
    change(record, facts.Targets, entropy=inf, unseen_entropy=inf)
    assert loss_left(record) == "the loss is still 25% of the initial loss"
    record = healthy()
    real(record)
    set_cost(record, falling_to(0.25))
    change(record, facts.LossInput, target_shape=(32, 5))
    assert loss_left(record) == "the loss is still 25% of that of the best single number for all outputs"
    change(record, facts.Targets, constants=5)  # The constant prediction has one mean for each output.
    assert loss_left(record) == "the loss is still 25% of that of the best constant prediction"


def test_the_message_of_a_stuck_run_names_its_criterion():
    record = healthy()
    set_cost(record, falling_to(0.5))
    assert not_learned(record, "0", 0.3) == "the loss is still 50% of that of the best constant prediction"
    set_series(record, "metric", "negative_log_likelihood", [])
    assert not_learned(record, "0", 0.3) == "the training loss did not end below 30% of its first value"
    set_series(record, "loss", "0", [1.0, nan])
    assert not_learned(record, "0", 0.3) == "the training loss became infinite or NaN"


def test_the_cost_left_is_a_share_of_the_reference_cost():
    record = healthy()
    set_cost(record, falling_to(0.25))
    assert summarise(record).cost_left == pytest.approx(0.25)
    change(record, facts.Targets, entropy=1.15, unseen_entropy=1.15)
    assert summarise(record).cost_left == pytest.approx(0.5)  # as a share of the cost of a constant prediction
    forget(record, facts.Targets)
    assert summarise(record).cost_left == pytest.approx(0.25)  # as a share of the first cost
    set_series(record, "metric", "negative_log_likelihood", [2.3, 1.15, nan, 9.0])
    assert summarise(record).cost_left == pytest.approx(0.5)  # the last cost before the NaN
    for values in ([], [nan], [0.0, 0.0], [-1.0, -2.0]):
        set_series(record, "metric", "negative_log_likelihood", values)
        assert isnan(summarise(record).cost_left)


def test_the_fall_is_measured_over_the_last_part_of_the_run():
    record = healthy()
    set_cost(record, lambda t: 1.0 if t < 0.7 else 0.4)
    assert summarise(record).relative_fall() == pytest.approx(0.6)
    assert summarise(record).relative_fall(0.1) == 0
    set_cost(record, rising)
    assert summarise(record).relative_fall() == 0
    assert summarise(Record()).relative_fall() == 0


def test_the_fall_of_a_very_short_run_is_that_of_its_training_losses():
    record = Record()
    for step, loss in enumerate((1.1, 1.1, 0.99, 0.88)):
        record.add(Reading("loss", "0", step, loss))
    record.add(Reading("metric", "negative_log_likelihood", 4, 0.87))
    record.add(Ending("finished", 0, 4))
    assert summarise(record).relative_fall() == pytest.approx(0.1)


@pytest.mark.parametrize("share, sick", [(0.91, True), (0.89, False), (1.5, True)])
def test_a_run_is_stuck_if_it_costs_as_much_as_a_constant_prediction(share, sick):
    record = healthy()
    set_cost(record, falling_to(share))
    assert summarise(record).is_stuck("0") == sick
    forget(record, "metric")
    assert summarise(record).is_stuck("0") == (share > 0.9)  # as a share of the first training loss
    assert summarise(record).is_stuck("0", share - 0.05)


def test_an_empty_record_is_not_stuck():
    assert not summarise(Record()).is_stuck("0")


def test_a_run_whose_loss_becomes_nan_is_stuck():
    record = healthy()
    set_series(record, "loss", "0", [2.3] + [0.1] * (STEPS - 2) + [nan])
    assert summarise(record).is_stuck("0")


def test_the_cost_of_a_constant_prediction_depends_on_the_loss():
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


def test_a_steady_rise_does_not_count_as_noise():
    assert summarise(with_losses(*[1.1**i for i in range(200)])).first_rise("0") < 20
