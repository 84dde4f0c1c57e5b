"""Why a run without findings is undecided: because of how it ends, or because of its trials."""

from dataclasses import replace
from math import nan

import pytest
from records import MONITOR, STEPS, falling_to, healthy, observe, probe, set_cost, set_series, settling_at

from descend.doctor.assess.reservations import RISING, STILL_FALLING, reservations
from descend.doctor.assess.step_sizes import LONG_STEPS
from descend.doctor.case import Case
from descend.doctor.record import Ending, Reading, Record, facts
from descend.doctor.report.verdict import headline, is_clean, verdict
from descend.doctor.trials.proof import Proof
from descend.doctor.trials.trial import Trial, TrialRun


def dismissing(*trials: Trial) -> Proof:
    """Return a proof in which these trials have dismissed the instability."""
    return Proof(trials=trials, withdrawn=frozenset({"instability"}))


def run_to(share, **optimizer) -> Record:
    record = healthy(**optimizer)
    observe(record, MONITOR)
    set_cost(record, share)
    return record


def kinds(record: Record) -> list[str]:
    return [reservation.kind for reservation in reservations(record)]


def with_rates(record: Record, rate) -> Record:
    set_series(record, "learning_rate", "0", [rate(step) for step in range(STEPS)])
    return record


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (falling_to(0.5), ["loss_still_falls"]),  # by 29 % over the last half, so as many steps again may gain 14 %
        (falling_to(0.05), []),  # Little of the cost is left, although it falls steeply.
        (settling_at(0.5), []),  # Much of the cost is left, but it no longer falls.
        (lambda t: 0.6 - 0.02 * t, []),  # The cost falls slowly.
    ],
)
def test_a_run_whose_loss_still_falls_steeply_at_its_end_is_undecided(share, expected):
    record = run_to(share)
    assert kinds(record) == expected
    case = Case(record, ())
    assert is_clean(case) == (not expected) and (case.status == "undecided") == bool(expected)
    assert ("loss is still falling" in verdict(case)) == bool(expected)


def test_a_falling_loss_is_reported_with_number_limit_and_advice():
    (found,) = reservations(run_to(falling_to(0.5)))
    assert found.value == pytest.approx(0.5 * (1 - 0.5**0.5), rel=0.1) and found.limit == STILL_FALLING
    assert (
        "twice as many steps may lower it by another 14% of the cost of the best constant prediction" in found.sentence
    )
    assert "limit: 8%" in found.sentence and "train longer or run descend doctor --suggest" in found.sentence


def test_a_run_that_was_cut_off_may_still_fall():
    record = run_to(falling_to(0.5))
    record.ending = replace(record.ending, reason="window")
    assert kinds(record) == []


def test_a_good_metric_decides_even_if_the_loss_still_falls():
    record = run_to(falling_to(0.5))
    for step in range(0, STEPS, 50):
        record.add(Reading("logged_metric", "test accuracy", step, 0.97))
    observe(record, facts.MetricName(rises=True, is_share=True, is_loss=False, is_held_out=True), "test accuracy")
    assert kinds(record) == []


@pytest.mark.parametrize(
    ("rate", "expected"),
    [
        (lambda step: 1e-3 * min(1.0, (step + 1) / 2000), ["learning_rate_still_rises"]),
        (lambda step: 1e-3 * min(1.0, (step + 1) / 40), []),
        (lambda step: 1e-3 * (1 - step / STEPS), []),
        # The learning rate rises at the end, but was higher before.
        (lambda step: 1e-3 * (0.5 + 0.4 * (step % 60 / 60)), []),
    ],
)
def test_a_run_that_ends_in_its_warm_up_is_undecided(rate, expected):
    assert kinds(with_rates(run_to(settling_at(0.6)), rate)) == expected


@pytest.mark.parametrize("reason", ["finished", "window"])
def test_a_warm_up_is_reported_with_its_learning_rates(reason):
    record = with_rates(run_to(settling_at(0.6)), lambda step: 1e-3 * (step + 1) / 2000)
    record.ending = replace(record.ending, reason=reason)
    (found,) = reservations(record)
    assert found.value == pytest.approx(0.1, rel=0.1) and found.limit == RISING
    assert "still rising at the end (9e-05 → 0.0001 over the last tenth" in found.sentence
    assert headline(Case(record, ())) == "Undecided: the learning rate is still rising"


def test_a_warm_up_is_not_reported_if_the_run_has_learned_its_task():
    assert kinds(with_rates(run_to(settling_at(0.01)), lambda step: 1e-3 * (step + 1) / 2000)) == []


@pytest.mark.parametrize(
    ("ratios", "left", "expected"),
    [
        ([1.2, 0.6, 0.4], 0.6, ["steps_too_long"]),
        ([1.2, 0.6, 0.05], 0.6, []),  # Only the first steps are long, as without bias correction.
        ([1.2, 0.6, 0.4], 0.01, []),
    ],
)
def test_steps_as_long_as_the_weights_leave_a_run_undecided(ratios, left, expected):
    record = run_to(settling_at(left))
    for place in record.places("update_ratio"):
        probe(record, "update_ratio", place, [*ratios, *[1e-3] * 10])
    assert kinds(record) == expected


def test_weights_that_start_at_zero_may_change_by_their_own_norm():
    record = run_to(settling_at(0.6))
    for place in record.places("update_ratio"):
        steps, values = record.readings["update_ratio", place]
        record.readings["update_ratio", place] = (steps[1:], [LONG_STEPS * 4] * len(values[1:]))
    assert kinds(record) == []


@pytest.mark.parametrize("name", ["parameter 0", "log_scale", "layer.bias"])
def test_scalars_and_biases_may_change_by_their_own_norm(name):
    record = run_to(settling_at(0.6))
    probe(record, "update_ratio", name, LONG_STEPS * 4)
    assert kinds(record) == []


def test_a_trial_of_another_learning_rate_decides_whether_the_steps_are_too_long():
    record = run_to(settling_at(0.6))
    for place in record.places("update_ratio"):
        probe(record, "update_ratio", place, LONG_STEPS * 2)
    assert Case(record, ()).undecided_because == ("steps_too_long",)
    tried = trial("learning_rate", before=1.4, after=1.5)
    assert Case(record, (), proof=Proof(trials=(tried,))).status == "healthy"
    assert Case(record, (), proof=Proof(trials=(trial("dropout_rate", before=1.4, after=1.5),))).status == "undecided"


def trial(remedy: str, before: float, after: float, verdict: str = "no_effect") -> Trial:
    runs = [(TrialRun(number, 0, value),) for number, value in ((1, before), (2, after))]
    values = (before, after, (nan, nan), (nan, nan), (0,))
    return Trial((remedy,), remedy, "instability", verdict, "", *values, baseline=runs[0], treated=runs[1])


def test_trials_without_an_effect_on_the_run_varied_no_setting():
    record = run_to(settling_at(0.05))
    same = trial("learning_rate", before=1.4, after=1.4)
    case = Case(record, (), proof=dismissing(same))
    assert case.status == "undecided" and case.undecided_because == ("settings_not_varied",)
    assert "no setting was varied: the only remedy that was tried did not change the run" in verdict(case)
    other = trial("dropout_rate", before=1.4, after=1.5)
    assert Case(record, (), proof=dismissing(same, other)).status == "healthy"
    failed = replace(other, verdict="failed")
    assert "none of the 2 remedies that were tried changed the run" in verdict(
        Case(record, (), proof=Proof(trials=(same, failed)))
    )


def test_different_weights_are_an_effect_even_if_the_metric_is_equal():
    same = trial("learning_rate", before=1.4, after=1.4)
    other = replace(same, treated=tuple(replace(run, weights="other") for run in same.treated))
    assert other.has_changed_the_run and not same.has_changed_the_run
    assert Case(run_to(settling_at(0.05)), (), proof=dismissing(other)).status == "healthy"


def test_a_removed_line_without_an_effect_varies_no_setting():
    left_out = trial("leave_out", before=nan, after=nan, verdict="ineffective")
    assert Case(run_to(settling_at(0.05)), (), proof=dismissing(left_out)).status == "healthy"


@pytest.mark.parametrize("ending", [Ending("interrupted", 130, STEPS, 3.0, 1.0, 0.2), None])
def test_an_interrupted_run_is_never_reported_as_healthy(ending):
    record = run_to(settling_at(0.05))
    record.ending = ending
    case = Case(record, (), proof=Proof(interrupted=True))
    assert case.status == "interrupted" and case.exit_status == 130
    assert "the checks are not complete" in verdict(case) and "no problem found so far" in verdict(case)
    assert not is_clean(case) and headline(case) == "Interrupted before the checks were complete"


def test_a_run_that_is_undecided_because_of_its_end_can_still_be_improved():
    assert Case(run_to(falling_to(0.5)), ()).can_be_improved
    assert not Case(run_to(lambda t: 1.0), ()).can_be_improved
    assert not Case(run_to(falling_to(0.5)), (), proof=Proof(interrupted=True)).can_be_improved
